"""The labs' checks, hints and solutions: `from lenetcourse.labs import lab_02 as lab`.

A module a lab, `lab_00` to `lab_10`, beside the frame that they share: `frame` (what a reader
calls), `judge` (how an answer is tried), `expect` (how it is compared), `shown` (how the outcome
is told), `draw` (inputs that are new each time) and `record` (what the notebooks left here).
"""
