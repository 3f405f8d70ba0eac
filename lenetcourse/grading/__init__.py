"""Marking many notebooks: `lenetcourse labs grade`.

`submission` (what is in a file), `child` (one notebook, in a process of its own), `parent` (that
process, its limits, and all of them together) and `reports` (what an instructor gets).

The checks that are used are those of the installed library, not those in the notebook. A process
with limits holds off accidents, not attackers: code of people whom you do not trust belongs into a
container without a network; `instructors/` has one.
"""
