"""Lab 10, diffusion: the checks of labs/lab_10_diffusion.ipynb."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

import lenetcourse as lc
from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import (
    NotYet,
    a_kind,
    as_array,
    attempted,
    call,
    keeps,
    of_shape,
    one_of,
    parts,
    same,
)
from lenetcourse.labs.frame import Lab
from lenetcourse.train.sample_quality import (
    features,
    frechet_distance,
    nearest_distances,
    read_images,
)

LAB = Lab("10", "A small diffusion model")
progress = LAB.progress

ANY = -1  # in the place of a label


def drawn_schedule(draw: Draw, steps: int) -> tuple[Tensor, Tensor]:
    """Return signal and noise, (steps + 1,), of steps of different sizes."""
    betas = 0.05 + 0.4 * draw.uniform(steps)
    left = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
    return left.sqrt(), (1 - left).sqrt()


@LAB.task(
    "What is left after t steps",
    hints=(
        "A step multiplies the image by √(1 − β). After t steps it has been multiplied by all of "
        "them: `torch.cumprod` makes running products.",
        "Before the first step everything is left: put a 1 in front, `torch.cat([torch.ones(1), "
        "...])`. Signal and noise are √left and √(1 − left), where left = signal².",
        "`left = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])`, then `left.sqrt()` and "
        "`(1 - left).sqrt()`.",
    ),
    why="With these two rows of numbers any step is one jump away, and training need not walk.",
)
def q1(signal_and_noise: object, draw: Draw) -> None:
    """`signal_and_noise(betas)` -> two tensors (steps + 1,)."""
    for steps in (3, draw.integer(5, 9)):
        betas = (0.05 + 0.5 * draw.uniform(steps)).round(decimals=2)
        left = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
        given = f"betas {as_array(betas).round(2)}"
        words = "Two things are wanted: signal and noise."
        got = keeps(signal_and_noise, betas, says=["`betas` itself has changed."])
        found = parts(got, 2, words, stacked=True)
        compare_schedule(found, betas, left, given)


def compare_schedule(found: tuple, betas: Tensor, left: Tensor, given: str) -> None:
    """Compare signal and noise with their definitions."""
    signal, noise = left.sqrt(), (1 - left).sqrt()
    single = torch.cat([torch.ones(1), (1 - betas).sqrt()])
    same(
        found[0],
        signal,
        given=given,
        what="The signal",
        traps={
            "Step 0 is missing: before the first step all of the image is there, 1.": signal[1:],
            "The root is missing: this is the signal squared.": left,
            "This is what a single step leaves; wanted is what all steps up to t leave, a running "
            "product.": single,
            "The βs are multiplied; each step leaves √(1 − β).": torch.cat(
                [torch.ones(1), torch.cumprod(betas, 0).sqrt()]
            ),
            "The βs are added up; what steps leave is multiplied.": torch.cat(
                [torch.ones(1), (1 - torch.cumsum(betas, 0)).clamp(min=0).sqrt()]
            ),
            "Signal and noise are exchanged.": noise,
        },
    )
    same(
        found[1],
        noise,
        given=given,
        what="The noise",
        traps={
            "The variances add up to 1, not the roots: noise² = 1 − signal².": 1 - signal,
            "The root is missing: this is the noise squared.": 1 - left,
            "This is the noise of single steps; that of earlier steps is still there, "
            "shrunk.": torch.cat([torch.zeros(1), betas.sqrt()]),
            "Step 0 is missing: there is no noise yet, 0.": noise[1:],
        },
    )


@LAB.task(
    "The jump, and what to aim at",
    hints=(
        "Every image has a time of its own: `signal[times]` looks up one number for each, (n,).",
        "To multiply images (n, 1, 28, 28) as well as codes (n, 20), make a column of them: "
        "`.reshape(-1, *[1] * (clean.ndim - 1))`.",
        "With a and s in this shape: `a * clean + s * grain` is the noisy image, and "
        "`a * grain - s * clean` the velocity.",
    ),
    why="One line makes as much practice as one likes: a clean image, a time, fresh noise, and the "
    "right answer.",
)
def q2(drown: object, draw: Draw) -> None:
    """`drown(clean, times, grain, signal, noise)` -> noisy and velocity, (n, ...) each."""
    steps = draw.integer(6, 9)
    signal, noise = drawn_schedule(draw, steps)
    for shape in ((4, 4), (5, 1, 3, 3), (3, 2)):
        clean, grain = draw.normal(*shape), draw.normal(*shape)
        times = torch.tensor([0, steps, *range(1, shape[0] - 1)])[draw.order(shape[0])]
        given = f"clean and grain of shape {shape}, times {times.tolist()}"
        says = [
            f"`{n}` itself has changed." for n in ("clean", "times", "grain", "signal", "noise")
        ]
        got = keeps(drown, clean, times, grain, signal, noise, says=says)
        found = parts(got, 2, "Two things are wanted: the noisy image and the velocity.")
        compare_jump(found, clean, grain, times, (signal, noise), given)


def compare_jump(
    found: tuple,
    clean: Tensor,
    grain: Tensor,
    times: Tensor,
    schedule: tuple[Tensor, Tensor],
    given: str,
) -> None:
    """Compare the noisy images and the velocities."""
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = (row[times].reshape(column) for row in schedule)
    noisy, velocity = a * clean + s * grain, a * grain - s * clean
    one = times[:1].expand(len(times))
    first_a, first_s = (row[one].reshape(column) for row in schedule)
    early_a, early_s = (row[times - 1].reshape(column) for row in schedule)
    traps = {
        "The times are one too early: `signal[times]`, since step 0 is in it.": (
            early_a * clean + early_s * grain
        ),
        "Signal and noise are exchanged: `signal` belongs to the image.": s * clean + a * grain,
        "All images get the time of the first one.": first_a * clean + first_s * grain,
        "The noise should be added.": a * clean - s * grain,
        "The grain is not scaled by `noise[times]`.": a * clean + grain,
        "The two results are exchanged: first the noisy image, then the velocity.": velocity,
    }
    if clean.shape == (4, 4):
        wide_a, wide_s = a.reshape(1, -1), s.reshape(1, -1)
        traps[
            "The times go along the columns: each number of a code got the time of another image. "
            "Make a column of `signal[times]`, with reshape."
        ] = wide_a * clean + wide_s * grain
    same(found[0], noisy, given=given, what="The noisy image", traps=traps)
    same(
        found[1],
        velocity,
        given=given,
        what="The velocity",
        traps={
            "The sign is turned: signal times grain, minus noise times image.": -velocity,
            "This is the grain itself: the noise as target, not the velocity.": grain,
            "Signal and noise are exchanged in the velocity.": s * grain - a * clean,
            "The image should be taken away in the velocity.": a * grain + s * clean,
            "The velocity is made of the clean image and the grain, not of the noisy image.": (
                a * grain - s * noisy
            ),
        },
    )


class Spy(nn.Module):
    """A network of one weight that notes what it is shown."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(draw.number(0.3, 0.7)))
        self.seen: list[tuple[Tensor, ...]] = []

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        right_inputs(noisy, times, labels)
        self.seen.append(tuple(part.detach().clone() for part in (noisy, times, labels)))
        return self.weight * noisy


def right_inputs(noisy: object, times: object, labels: object) -> None:
    """Raise NotYet unless a network is given what it wants."""
    for name, value in (("times", times), ("labels", labels)):
        if not isinstance(value, Tensor) or value.shape != noisy.shape[:1]:
            shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else a_kind(value)
            raise NotYet(
                f"The network wants {name} as a tensor with one number for each image: "
                "`network(noisy, times, labels)`.",
                expected=f"shape ({len(noisy)},)",
                got=shape,
            )


@LAB.task(
    "The loss: one line of chance, one squared error",
    needs=("q2",),
    hints=(
        "Draw three things: times with `torch.randint`, grain with `torch.randn_like(clean)`, and "
        "which labels are withheld, `torch.rand(len(labels)) < 0.1`.",
        "`torch.randint(1, T + 1, (n,))` gives whole numbers from 1 to T: the upper end is left "
        "out. T is `len(signal) - 1`. `torch.where(hidden, -1, labels)` withholds.",
        "`noisy, wanted = drown(clean, times, grain, signal, noise)`, and the loss is "
        "`(network(noisy, times, labels) - wanted).square().mean()`.",
    ),
    why="This is the whole of training; the rest of the loop you have known since chapter 0.",
)
def q3(loss: object, draw: Draw) -> None:
    """`loss(network, clean, labels, signal, noise)` -> one number with gradients."""
    steps, count = draw.integer(12, 18), 4000
    signal, noise = drawn_schedule(draw, steps)
    clean, labels = draw.normal(count, 4), draw.integers(0, 9, count)
    network = Spy(draw)
    given = f"clean of shape ({count}, 4), {steps} steps"
    says = [f"`{name}` itself has changed." for name in ("clean", "labels", "signal", "noise")]
    got = keeps(loss, network, clean, labels, signal, noise, says=says)
    if len(network.seen) != 1:
        raise NotYet(
            "The network should be asked once, about all images together.",
            given=given,
            got=f"{len(network.seen)} calls",
        )
    noisy, times, said = network.seen[0]
    right_times(times, steps, given)
    right_withheld(said, labels, given)
    a, s = signal[times][:, None], noise[times][:, None]
    grain = (noisy - a * clean) / s
    right_grain(grain, given)
    right_loss(got, network, (noisy, clean, grain, a * grain - s * clean), given)
    call(loss, network, clean, labels, signal, noise)
    if torch.equal(network.seen[1][0], noisy):
        raise NotYet("Each call should draw times and grain anew; these are always the same.")


def right_times(times: Tensor, steps: int, given: str) -> None:
    """Raise NotYet unless times are whole numbers from 1 to `steps`, all as likely."""
    if times.is_floating_point():
        raise NotYet("Times are whole numbers: `torch.randint`.", given=given, got=str(times.dtype))
    if (times == times[0]).all():
        raise NotYet("All images get the same time; draw one for each.", given=given)
    if (times < 1).any():
        raise NotYet(
            "Time 0 turns up: there is no noise to see at step 0. Draw from 1 on.", given=given
        )
    counts = times.bincount(minlength=steps + 1)
    if not counts[steps]:
        raise NotYet(
            "The last step never turns up. The walk back begins there! (`torch.randint` leaves out "
            "its upper end.)",
            given=given,
            expected=f"times from 1 to {steps}",
            got=f"times from {int(times.min())} to {int(times.max())}",
        )
    if len(counts) > steps + 1 or counts[1:].min() < len(times) / steps / 2:
        raise NotYet("All times from 1 to the last should be as likely.", given=given)


def right_withheld(said: Tensor, labels: Tensor, given: str) -> None:
    """Raise NotYet unless about one label in ten is withheld and no other changed."""
    hidden = said == ANY
    if not torch.equal(said[~hidden], labels[~hidden]):
        raise NotYet("Labels have changed that should have stayed.", given=given)
    share = hidden.float().mean().item()
    details = {"given": given, "expected": "about 10 % of them are -1", "got": f"{share:.1%}"}
    if not hidden.any():
        raise NotYet("No label is withheld.", **details)
    if abs(share - 0.9) < 0.03:
        raise NotYet("Nine in ten are withheld: `where` is turned around.", **details)
    if abs(share - 0.1) > 0.03:
        raise NotYet("Another share of the labels is withheld.", **details)


def right_grain(grain: Tensor, given: str) -> None:
    """Raise NotYet unless every number of the grain is drawn from N(0, 1) by itself."""
    if (grain - grain[:1]).abs().max() < 1e-3:
        raise NotYet("All images get the same grain.", given=given)
    if (grain - grain[:, :1]).abs().max() < 1e-3:
        raise NotYet("All numbers of an image get the same grain.", given=given)
    mean, spread = grain.mean().item(), grain.std().item()
    tails = (grain.pow(4).mean() / grain.square().mean().square()).item()
    if abs(mean) > 0.06 or abs(spread - 1) > 0.06 or tails < 2.6:  # 3 for a bell curve
        raise NotYet(
            "The grain should come from N(0, 1): `torch.randn`, not `torch.rand`.",
            given=given,
            expected="mean 0, deviation 1",
            got=f"mean {mean:.2f}, deviation {spread:.2f}",
        )


def right_loss(got: object, network: Spy, parts_of: tuple[Tensor, ...], given: str) -> None:
    """Compare the loss, and see that its gradient reaches the network."""
    noisy, clean, grain, velocity = parts_of
    seen = network.weight.detach() * noisy
    errors = (seen - velocity).square()
    same(
        got,
        errors.mean(),
        given=given,
        what="The loss",
        traps={
            "The network is compared with the grain; here it should say the velocity.": (
                (seen - grain).square().mean()
            ),
            "The network is compared with the clean image; here it should say the velocity.": (
                (seen - clean).square().mean()
            ),
            "This is the sum of the squared errors; their mean is wanted.": errors.sum(),
            "This is summed over the numbers of an image; the mean over all is wanted.": (
                errors.sum(1).mean()
            ),
            "One number is wanted; these are the images' losses.": errors.mean(1),
            "These are absolute errors; squared ones are wanted.": errors.sqrt().mean(),
        },
        tolerance=1e-3,
    )
    if not isinstance(got, Tensor) or not got.requires_grad:
        raise NotYet(
            "The number is right, but no gradient finds its way back to the network: no `.item()`, "
            "no `no_grad`.",
            given=given,
        )


@LAB.task(
    "One step back",
    hints=(
        "Two things follow from the noisy image and the velocity: the clean image and the grain. "
        "Then put both together as they are at the earlier time.",
        "clean = a · noisy − s · seen, and grain = s · noisy + a · seen, with a and s of the time "
        "`now`.",
        "`signal[earlier] * clean + noise[earlier] * grain`, and `clean` beside it.",
    ),
    why="Each step takes away only as much noise as the guess is good for, and asks again.",
)
def q4(step_back: object, draw: Draw) -> None:
    """`step_back(noisy, seen, now, earlier, signal, noise)` -> what was before, and clean."""
    steps = draw.integer(8, 12)
    signal, noise = drawn_schedule(draw, steps)
    for now, earlier in ((steps, draw.integer(2, steps - 1)), (4, 3), (draw.integer(1, 5), 0)):
        noisy, seen = draw.normal(3, 2), draw.normal(3, 2)
        given = f"now = {now}, earlier = {earlier}, of {steps} steps"
        says = [f"`{name}` itself has changed." for name in ("noisy", "seen", "signal", "noise")]
        got = keeps(step_back, noisy, seen, now, earlier, signal, noise, says=says)
        words = "Two things are wanted: what was there before, and the clean image."
        found = parts(got, 2, words, stacked=True)
        compare_step(found, noisy, seen, (signal, noise), now, earlier, given)


def compare_step(
    found: tuple,
    noisy: Tensor,
    seen: Tensor,
    schedule: tuple[Tensor, Tensor],
    now: int,
    earlier: int,
    given: str,
) -> None:
    """Compare the clean image, then what was there before."""
    (a, b), (s, t) = ((row[now], row[earlier]) for row in schedule)
    clean, grain = a * noisy - s * seen, s * noisy + a * seen
    before = b * clean + t * grain
    same(
        found[1],
        clean,
        given=given,
        what="The clean image",
        traps={
            "`seen` is taken for the noise; it is the velocity, and needs no division.": (
                (noisy - s * seen) / a
            ),
            "The sign is turned: clean = signal · noisy − noise · seen.": a * noisy + s * seen,
            "Signal and noise are exchanged in the clean image.": s * noisy - a * seen,
            "This is the grain; the clean image is wanted.": grain,
            "The two results are exchanged: first what was before, then the clean image.": before,
            "Signal and noise of the time `now` tell the clean image, not those of `earlier`.": (
                b * noisy - t * seen
            ),
        },
    )
    same(
        found[0],
        before,
        given=given,
        what="What was there before",
        traps={
            "The grain is not put back: at the earlier time there still is some.": b * clean,
            "The velocity is put in the place of the grain.": b * clean + t * seen,
            "This is put together for the time `now` again, so nothing has changed.": (
                a * clean + s * grain
            ),
            "This is the clean image; the whole repair at once is a blur.": clean,
            "The noisy image is put in the place of the grain.": b * clean + t * noisy,
        },
    )


class Known(nn.Module):
    """A stand-in for a network: a fixed function of what it is shown, which it notes."""

    def __init__(self, draw: Draw, steps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(draw.number(0.3, 0.6)))
        self.marks = 0.5 * draw.normal(11, 1)
        self.steps = steps
        self.times: list[int] = []

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        right_inputs(noisy, times, labels)
        self.times.append(int(times[0]))
        share = times[:, None].float() / self.steps
        return torch.tanh(self.weight * noisy * share) + self.marks[labels]  # -1 is the last mark


def walked(
    network: Known,
    start: Tensor,
    labels: Tensor,
    times: list[int],
    schedule: tuple[Tensor, Tensor],
    *,
    mistake: str = "",
) -> Tensor:
    """Return the end of a walk that visits these times.

    With the mistake "stuck" the network is always shown the first noise, with "clean" the walk goes
    on with the clean data, with "small" each step goes to the time before.
    """
    signal, noise = schedule
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise(times):
            shown = start if mistake == "stuck" else noisy
            seen = network(shown, torch.full((len(noisy),), now), labels)
            clean = signal[now] * noisy - noise[now] * seen
            grain = noise[now] * noisy + signal[now] * seen
            after = now - 1 if mistake == "small" else earlier
            noisy = clean if mistake == "clean" else signal[after] * clean + noise[after] * grain
    return noisy


@LAB.task(
    "The walk back",
    needs=("q4",),
    hints=(
        "The times: `torch.linspace(T, 0, steps + 1)`, rounded, as whole numbers, with T = "
        "`len(signal) - 1`. Each pair of neighbours is a step.",
        "The network wants a time for each image: `torch.full((len(noisy),), now)`.",
        "Under `torch.no_grad()`: `for now, earlier in zip(times[:-1], times[1:])`, ask the "
        "network, then `noisy, clean = step_back(noisy, seen, now, earlier, signal, noise)`.",
    ),
    why="The same network draws in five steps or in fifty; what it costs is worth measuring.",
)
def q5(walk_back: object, draw: Draw) -> None:
    """`walk_back(network, start, labels, steps, signal, noise)` -> clean data."""
    for length, steps in ((12, 4), (15, 5), (6, 6), (8, 1)):
        schedule = drawn_schedule(draw, length)
        network, start = Known(draw, length), draw.normal(5, 3)
        labels = draw.integers(0, 9, 5)
        given = f"{steps} steps of {length}, noise of shape (5, 3)"
        got = call(walk_back, network, start, labels, steps, *schedule)
        asked, network.times = network.times, []
        times = list(range(length, -1, -length // steps))
        right_visits(asked, times, given)
        wanted, stuck, clean, small = (
            walked(network, start, labels, times, schedule, mistake=mistake)
            for mistake in ("", "stuck", "clean", "small")
        )
        same(
            got,
            wanted,
            given=given,
            what="The end of the walk",
            traps={
                "The network is asked, but what it says changes nothing: hand the result of a step "
                "on to the next.": start,
                "The network is always shown the first noise; it should see what the last step "
                "left.": stuck,
                "The walk goes on with the clean data; the first of the two results is what was "
                "there before.": clean,
                "Each step goes to the time `now - 1`; it should go to the next time at which the "
                "network is asked.": small,
                "The walk stops before time 0.": walked(
                    network, start, labels, times[:-1], schedule
                ),
            },
            tolerance=1e-3,
        )
        if isinstance(got, Tensor) and got.requires_grad:
            raise NotYet(
                "The walk is right, but it still holds what a backward pass would need: "
                "`torch.no_grad()`.",
                given=given,
            )


def right_visits(asked: list[int], times: list[int], given: str) -> None:
    """Raise NotYet unless the network was asked at the right times."""
    details = {
        "given": given,
        "expected": f"the network is asked at {times[:-1]}",
        "got": f"it is asked at {asked}",
    }
    if not asked:
        raise NotYet("The network was never asked.", **details)
    if asked == times[:-1]:
        return
    if asked == times[:-1][::-1] or asked == times[1:][::-1]:
        raise NotYet("The walk goes forward; it should begin at the last time.", **details)
    if asked == times[1:]:
        raise NotYet(
            "The network is told the earlier time; it should be told how much noise there is now.",
            **details,
        )
    if len(asked) > len(times) - 1:
        raise NotYet("There are too many steps, or the network is asked at time 0.", **details)
    raise NotYet("The network is asked at other times.", **details)


@LAB.task(
    "Guidance: more of what was asked",
    hints=(
        "`guided` gives back a *function*, which can stand where a network stands. Define one "
        "inside, with `noisy, times, labels`, and return it without calling it.",
        "It asks the network twice: with the labels, and with −1 in the place of each, "
        "`torch.full_like(labels, -1)`.",
        "`return seen + strength * (seen - free)`",
    ),
    why="The same network, asked twice, can be pushed as hard as one likes: a knob to turn after "
    "training.",
)
def q6(guided: object, draw: Draw) -> None:
    """`guided(network, strength)` -> a function of noisy, times, labels."""
    for strength in (draw.number(1.2, 1.8), draw.number(2, 4), 0.0):
        network = Known(draw, 10)
        noisy, times = draw.normal(6, 3), draw.integers(1, 10, 6)
        labels = draw.integers(0, 9, 6)
        given = f"strength = {strength}, labels {labels.tolist()}"
        pushed = call(guided, network, strength)
        if not callable(pushed):
            raise NotYet(
                "A function is wanted, which can be asked like a network: "
                "`guided(network, 1.0)(noisy, times, labels)`.",
                given=given,
                got=a_kind(pushed),
            )
        says = [f"`{name}` itself has changed." for name in ("noisy", "times", "labels")]
        got = keeps(pushed, noisy, times, labels, says=says)
        with torch.no_grad():
            seen = network(noisy, times, labels)
            free = network(noisy, times, torch.full_like(labels, ANY))
            others = [network(noisy, times, said) for said in (0 * labels, -labels)]
        compare_guided(got, seen, free, others, strength, given)


def compare_guided(
    got: object, seen: Tensor, free: Tensor, others: list[Tensor], strength: float, given: str
) -> None:
    """Compare what a guided network says; `others` is what it says if 0 or -labels is asked."""
    zeros, turned = (seen + strength * (seen - other) for other in others)
    same(
        got,
        seen + strength * (seen - free),
        given=given,
        what="What the guided network says",
        traps={
            "The strength has no effect: this is what the network says with the labels.": seen,
            "This is what the network says without labels.": free,
            "The sign is turned: it should go away from what any digit would be.": (
                seen + strength * (free - seen)
            ),
            "This starts from the answer without labels, so strength 0 ignores them. Here strength "
            "0 should change nothing: start from the answer with labels.": (
                free + strength * (seen - free)
            ),
            "The answer with labels is multiplied by the strength and nothing is added to "
            "it.": strength * (seen - free),
            "The first answer is counted once less than it should be.": strength * seen - free,
            "“Any digit” is −1 in the place of each label; 0 is a digit.": zeros,
            "“Any digit” is −1 in the place of each label, not minus the label.": turned,
        },
        tolerance=1e-3,
    )


@LAB.task(
    "How far from real digits, and a prediction",
    hints=(
        "Begin with the means: `first.mean(0)` is one number for each feature. Squared "
        "differences, added up.",
        "`torch.cov(rows.T)` is the covariance: it wants features as rows. `.trace()` adds up its "
        "diagonal. The trace of the root of C₁C₂ is the sum of the roots of its eigenvalues.",
        "`torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()` is that trace; it is taken "
        "away twice.",
    ),
    why="One number sees wrong digits, missing kinds and too much likeness, where a share of "
    "accepted pictures sees none of them.",
)
def q7(prediction: object, frechet: object, draw: Draw) -> None:
    """The prediction, and `frechet(first, second)` -> one number."""
    attempted(prediction, frechet)
    one_of(prediction, ("smaller", "larger", "as large"), "The prediction")
    for size in (6, 1):
        first, second = told_apart(draw, size)
        given = f"features of shape {tuple(first.shape)} and {tuple(second.shape)}"
        says = [f"`{name}` itself has changed." for name in ("first", "second")]
        got = keeps(frechet, first, second, says=says)
        same(
            got,
            torch.tensor(frechet_distance(first, second)),
            given=given,
            what="The distance",
            traps=wrong_distances(first, second),
            tolerance=1e-3,  # the covariance may divide by n or by n - 1
        )
    right_if_singular(frechet, draw)
    rows = draw.normal(200, 4).double()
    if abs(float(as_array(call(frechet, rows, rows)))) > 1e-3:
        raise NotYet("A set has the distance 0 to itself; here it has not.", given="twice the same")


def right_if_singular(frechet: object, draw: Draw) -> None:
    """Raise NotYet unless the distance is right where eigenvalues are 0, but for rounding."""
    first, second = (
        (draw.normal(2000, 3) @ draw.normal(3, 24) + draw.normal(24)).double() for _ in range(2)
    )
    given = f"features of shape {tuple(first.shape)}, most of which follow from the others"
    got = as_array(call(frechet, first, second))
    if np.isnan(got).any():
        raise NotYet(
            "Rounding has made eigenvalues a little negative, and these have no root: "
            "`clamp(min=0)` first.",
            given=given,
            got=got,
        )
    wanted = torch.tensor(frechet_distance(first, second))
    same(got, wanted, given=given, what="The distance", tolerance=2e-3)


def told_apart(draw: Draw, size: int) -> tuple[Tensor, Tensor]:
    """Return features of two sets for which no two mistakes give the same distance."""
    while True:
        mix = torch.eye(size) + 0.5 * draw.normal(size, size)
        first = (draw.normal(2000, size) @ mix + draw.normal(size)).double()
        second = (1.5 * draw.normal(3000, size) - 1).double()
        right = frechet_distance(first, second)
        found = torch.stack([*wrong_distances(first, second).values(), torch.tensor(right)])
        if found.sort().values.diff().min() > 5e-3 * max(1, right):
            return first, second


def wrong_distances(first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """Return what typical mistakes give: the sentence to say, and the number."""
    size = first.shape[1]
    apart = first.mean(0) - second.mean(0)
    moved = apart.square().sum()
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    values = torch.linalg.eigvals(a @ b).real.clamp(min=0)
    root, traces = values.sqrt().sum(), a.trace() + b.trace()
    wrong = {
        "The means are not in it.": traces - 2 * root,
        "The covariances are not in it: this is the distance of the means alone.": moved,
        "The differences of the means are not squared.": apart.abs().sum() + traces - 2 * root,
        "The last part is taken away once; it should be twice.": moved + traces - root,
        "The root is missing: these are the eigenvalues themselves.": (
            moved + traces - 2 * values.sum()
        ),
        "The last part should be taken away.": moved + traces + 2 * root,
        "This is the root of the distance; wanted is the distance as the chapter has it, "
        "squared.": (moved + traces - 2 * root).sqrt(),
    }
    if size > 1:
        wrong["The length of the difference of the means is not squared."] = (
            moved.sqrt() + traces - 2 * root
        )
        wrong["The root of a matrix is not that of its entries."] = (
            moved + traces - 2 * (a @ b).clamp(min=0).sqrt().trace()
        )
    return wrong


TIMES, KNOWN = 50, 200  # of each digit: asked for in the open task, and compared with
MUST_READ, MAY_DIFFER, MAY_COPY = 0.75, 2.5, 0.05  # MAY_DIFFER: times the distance of real digits
NEAR = 1.3  # distance of a copy


@LAB.task(
    "Open: your own hand",
    needs=("q1", "q3", "q5", "q6"),
    seconds=240,
    hints=(
        "Turn the two knobs that you have, guidance and steps, one at a time, and write down both "
        "numbers for each.",
        "A little guidance is worth much; a lot of it exaggerates, and the distance rises.",
        "`walk_back(guided(model, 1.5), torch.randn(len(digits), 20), digits, 25, signal, noise)` "
        "gives codes, and `images_of` makes pictures of them.",
    ),
    why="A generator is judged by what it draws and by how much of it differs, on numbers that "
    "watch each other.",
)
def q8(mine: object, train: object, draw: Draw) -> str:
    """Any `mine(digits)` -> images: read as asked, near to real digits as a set, no copies."""
    if not isinstance(train, lc.ImageSet):
        raise NotYet("The image set `train` is wanted as it was loaded.", got=a_kind(train))
    if train.labels.bincount(minlength=10).min() < KNOWN + TIMES:
        raise NotYet("The image set `train` is wanted as it was loaded; this is a part of it.")
    digits = torch.arange(10).repeat(TIMES)[draw.order(10 * TIMES)]
    given = f"{len(digits)} digits, {TIMES} of each"
    words = "Images of shape (n, 28, 28) are wanted, one for each digit."
    found = of_shape(call(mine, digits), (len(digits), 28, 28), "The images", given, says=words)
    if not ((found >= 0) & (found <= 255)).all() or found.max() <= 1:
        raise NotYet(
            "Images of 0 to 255 are wanted, as `images_of` makes them.",
            given=given,
            got=f"numbers from {found.min():.3g} to {found.max():.3g}",
        )
    images = torch.from_numpy(found.round().astype("uint8"))
    read, apart = judged(images, digits, train)
    real_read, floor = judged(*even_sample(train, KNOWN, KNOWN + TIMES), train)
    copies = copied(images, train.images[:10_000])
    words = (
        f"{read:.0%} are accepted and read as asked (of as many real digits: {real_read:.0%}). The "
        f"distance to real digits is {apart:.0f} (of as many real ones: {floor:.0f}). {copies:.0%} "
        "are copies of training images."
    )
    limits = (
        (copies > MAY_COPY, "Somebody has written these.", f"at most {MAY_COPY:.0%} copies"),
        (read < MUST_READ, "Too few can be read as asked.", f"{MUST_READ:.0%} at least"),
        (
            apart > MAY_DIFFER * floor,
            "As a set they are too far from real digits: too much alike, or another style.",
            f"a distance of at most {MAY_DIFFER * floor:.0f}, {MAY_DIFFER} times that of real "
            "digits",
        ),
    )
    for failed, says, expected in limits:
        if failed:
            raise NotYet(f"{says} {words}", given=given, expected=expected)
    return words


def judged(images: Tensor, digits: Tensor, train: lc.ImageSet) -> tuple[float, float]:
    """Return the share read as asked, and the Fréchet distance to digits of `train`."""
    reader, facts = lc.load_model("reader")
    answers, accepted = read_images(reader, images, facts["unsure_below"])
    known, _ = even_sample(train, 0, KNOWN)
    apart = frechet_distance(features(reader, images), features(reader, known))
    return (accepted & (answers == digits)).float().mean().item(), apart


def copied(images: Tensor, known: Tensor) -> float:
    """Return the share of images that are nearly one of `known`, or one moved by a pixel."""
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    near = torch.stack(
        [nearest_distances(images.roll(move, (1, 2)), known) for move in moves]
    ).amin(0)
    return (near < NEAR).float().mean().item()


def even_sample(train: lc.ImageSet, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Return training images `start` to `stop` of each digit, and their labels."""
    rows = torch.cat([(train.labels == digit).nonzero()[start:stop, 0] for digit in range(10)])
    return train.images[rows], train.labels[rows]
