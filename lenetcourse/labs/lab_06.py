"""Lab 06, Segmentation: the checks of labs/lab_06_segmentation.ipynb."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse.data.opening import open_picture
from lenetcourse.data.scenes import PICTURES
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
    whole_number,
)
from lenetcourse.labs.frame import Lab
from lenetcourse.labs.judge import own_line

LAB = Lab("06", "Segmentation")
progress = LAB.progress

SHORT_SIDE = 300  # of a photograph, in pixels: then a piece of 28x28 still shows something


@functools.cache
def embedded_digits() -> lc.ImageSet:
    return lc.load_dataset("digits", "train")


def ground(count: int, part: str, seed: int) -> Tensor:
    """Return pieces of the chapter's two photographs, bytes (count, 28, 28), without digits."""
    nothing = torch.zeros(count, 28, 28, dtype=torch.uint8)
    empty = lc.ImageSet(nothing, torch.zeros(count, dtype=torch.int64), split=part)
    return lc.DigitScenes(empty, seed=seed).images


def photographs(folder: str | os.PathLike | None = None) -> list[Tensor]:
    """Return the pictures in a folder as greys, bytes (h, w), the shorter side 300 pixels.

    Without a folder: three that are computed, of clouds, a brick wall and a wire fence. Raises
    DatasetError when the folder holds no picture, or one that cannot be read.
    """
    if folder is None:
        return [clouds(), bricks(), fence()]
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in PICTURES)
    if not paths:
        raise lc.DatasetError(f"{folder}: no picture in it ({', '.join(sorted(PICTURES))})")
    return [_opened(path) for path in paths]


def _opened(path: Path) -> Tensor:
    try:
        with open_picture(path) as image:
            grey = image.convert("L")
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise lc.DatasetError(f"{path}: cannot be read ({error}): repair or remove it") from None
    scale = SHORT_SIDE / min(grey.size)
    smaller = grey.resize([max(SHORT_SIDE, round(side * scale)) for side in grey.size])
    return torch.from_numpy(np.array(smaller))


def _greys(values: np.ndarray, low: float, high: float) -> Tensor:
    """Return values as bytes from `low` to `high`."""
    shares = (values - values.min()) / (values.max() - values.min())
    return torch.from_numpy((low + shares * (high - low)).astype(np.uint8))


def _noise(rows: int, columns: int, seed: int, power: float) -> np.ndarray:
    """Return noise whose waves are the weaker the shorter they are."""
    random = np.random.default_rng(seed)
    rate = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns))
    rate[0, 0] = 1
    waves = np.fft.rfft2(random.standard_normal((rows, columns))) / rate**power
    return np.fft.irfft2(waves, (rows, columns))


def clouds() -> Tensor:
    """Return a picture (300, 400) of clouds."""
    return _greys(_noise(300, 400, seed=1, power=1.7), 60, 250)


def bricks() -> Tensor:
    """Return a picture (300, 400) of a brick wall: light joints, bricks of different greys."""
    rows, columns = np.mgrid[:300, :400]
    course = rows // 15
    along = columns + 18 * (course % 2)
    joint = (rows % 15 < 2) | (along % 36 < 2)
    greys = np.random.default_rng(2).uniform(60, 140, (20, 12))
    wall = np.where(joint, 190, greys[course, along // 36])
    return _greys(wall + 8 * _noise(300, 400, seed=3, power=0.5), 20, 220)


def fence() -> Tensor:
    """Return a picture (300, 400) of a wire fence: light wires in both diagonals, hills behind."""
    rows, columns = np.mgrid[:300, :400]
    bend = 1.5 * np.sin(rows / 9) + 1.5 * np.sin(columns / 11)
    wires = ((rows + columns + bend) % 26 < 4) | ((rows - columns + bend) % 26 < 4)
    hills = 60 * (rows > 150 + 40 * np.sin(columns / 60)) + 4 * _noise(300, 400, seed=4, power=0.8)
    return _greys(np.where(wires, 215, 100) + 0.4 * hills, 30, 235)


def one_tensor(value: object, what: str) -> object:
    """Return an answer that torch can make one tensor of. Raises NotYet."""
    as_array(value, what)
    try:
        torch.as_tensor(value)
    except Exception as error:
        raise NotYet(
            f"{what} should be one tensor. Are they a list of tensors? Stack them: "
            "`torch.stack(...)`.",
            got=f"{a_kind(value)}, of which torch says: {error}",
        ) from None
    return value


@LAB.task(
    "Scenes and masks",
    hints=(
        "The mask first: which pixels have an ink of at least 128? A comparison gives all of them "
        "at once.",
        "Where the mask is true, the picture is the ink; elsewhere it is the ground. Make a new "
        "tensor, so that the ground can serve again.",
        "`masks = ink >= 128`, then `torch.where(masks, ink, ground)`; or `ground.clone()`, and "
        "put `ink[masks]` at `[masks]`.",
    ),
    why="No person had to draw these masks: who makes the scene knows the answer for every pixel.",
)
def q1(make_scenes: object, draw: Draw) -> None:
    """`make_scenes(ink, ground)` -> (pictures, masks), pasted, on drawn greys."""
    for count, rows, columns in [(1, 3, 5), (4, 28, 28)]:
        ink, photo = (draw.integers(0, 255, count, rows, columns).byte() for _ in range(2))
        edge = draw.integers(126, 129, count, rows, columns).byte()
        ink = torch.where(draw.uniform(count, rows, columns) < 0.4, edge, ink)
        ink.view(-1)[:3] = torch.tensor([127, 128, 129]).byte()
        given = f"{count} scenes of {rows}x{columns} pixels, ink and ground"
        if count == 1:
            given = f"ink\n{as_array(ink[0])}\nground\n{as_array(photo[0])}"
        words = [
            "The ink itself was changed. Copy it first.",
            "The ground itself was changed: a second digit could not be put on it. Copy it.",
        ]
        made = keeps(make_scenes, ink, photo, says=words)
        pictures, masks = parts(made, 2, "Two things are wanted: pictures, masks.", stacked=True)
        masks = as_array(one_tensor(masks, "The masks"), "The masks")
        one_tensor(pictures, "The pictures")
        true = ink >= 128
        same(
            masks,
            true,
            given=given,
            what="The masks",
            traps={
                "A pixel with an ink of just 128 is digit: `>=`, not `>`.": ink > 128,
                "Ones and zeros are exchanged: 1 is digit.": ~true,
                "A mask holds ones and zeros, or true and false, and no greys.": 255 * true,
                "A mask holds ones and zeros; these are the pixels' greys.": ink * true,
                "Every pixel with a little ink is in this mask; wanted is 128 and more.": ink > 0,
                "The two are exchanged: first the pictures, then the masks.": torch.where(
                    true, ink, photo
                ),
            },
        )
        share = ink / 255
        same(
            pictures,
            torch.where(true, ink, photo),
            given=given,
            what="The pictures",
            traps={
                "Bytes run over at 255: ink and ground are added up here. Where there is digit, "
                "the ink *replaces* the ground.": ink + photo,
                "The ground shines through, added up: where there is digit, the ink replaces "
                "it.": photo + ink * true,
                "Digit and ground are mixed by the ink. That is the chapter's *mixed*; wanted is "
                "*pasted*.": (photo * (1 - share) + 255 * share).round(),
                "The digit is white here, 255; wanted is the grey of its ink.": torch.where(
                    true, torch.tensor(255).byte(), photo
                ),
                "The faint ink beside the digit is pasted, too: only the mask's pixels are.": (
                    torch.where(ink > 0, ink, photo)
                ),
                "Around the digit there is ink here; there the ground should be.": ink,
                "Digit and ground are exchanged.": torch.where(true, photo, ink),
            },
        )


def overlap(found: Tensor, true: Tensor) -> Tensor:
    """Return IoU (n,) of bool masks (n, h, w); nothing found of nothing is 1."""
    both, either = (found & true).flatten(1).sum(1), (found | true).flatten(1).sum(1)
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones(()))


@LAB.task(
    "IoU",
    hints=(
        "From scores to a mask: above 0 is digit. And the second dimension, of length 1, has to go "
        "before you compare with the masks.",
        "`found & true` is the intersection, `found | true` the union. Count both for each image: "
        "sum over rows and columns, not over images.",
        "`found = scores[:, 0] > 0`, `both = (found & true).sum((1, 2))`, and likewise `either`; "
        "`torch.where(either > 0, both / either.clamp(min=1), 1.0)`.",
    ),
    why="With this one number for each mask you can find the worst ones, and look at them.",
)
def q2(iou: object, draw: Draw) -> None:
    """`iou(scores, masks)` -> (n,), with an empty mask found empty, and one not found."""
    for count, rows, columns in [(4, 3, 5), (6, 9, 7)]:
        scores = 2 * draw.normal(count, 1, rows, columns)
        scores[0, 0, 0, :2] = torch.tensor([0.2, 0.4])  # digit, though below one half
        scores[1, 0, 0, 0] = 0  # no digit: not above 0
        scores[2] = -scores[2].abs()
        masks = draw.integers(0, 1, count, rows, columns)
        masks[:, 0, :2] = 1
        if count > 4:  # the empty mask only after all others were right
            scores[-1], masks[-1] = -scores[-1].abs(), 0
        found, true = scores[:, 0] > 0, masks.bool()
        given = f"scores of shape {tuple(scores.shape)}, masks of shape {tuple(masks.shape)}"
        if count == 4:
            given = (
                f"four images; the first: scores\n{as_array(scores[0, 0]).round(1)}\n"
                f"mask\n{as_array(masks[0])}"
            )
        wanted = overlap(found, true)
        words = "The {} themselves were changed; they will be used again. Leave them."
        says = [words.format(name) for name in ("scores", "masks")]
        got = as_array(keeps(iou, scores, masks, says=says), "The IoU")
        if np.isnan(got).any():
            raise NotYet(
                "Nothing divided by nothing is nan. Where the mask is empty and nothing is found, "
                "all is right: 1.",
                given="among others, an empty mask and scores that are all below 0",
                expected=wanted,
                got=got,
            )
        crossed = (found[:, None] & true[None]).sum((1, 2, 3)) / (
            (found[:, None] | true[None]).sum((1, 2, 3))
        )
        same(
            got,
            wanted,
            given=given,
            what="The IoU",
            traps=iou_traps(scores, found, true, wanted)
            | {
                "Every image is compared with the masks of all: (n, 1, h, w) and (n, h, w) are "
                "stretched to (n, n, h, w). `scores[:, 0]` first.": crossed,
            },
        )


def iou_traps(scores: Tensor, found: Tensor, true: Tensor, wanted: Tensor) -> dict[str, object]:
    """Return what typical mistakes give."""
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    empty = "An empty mask that is found empty counts as 1: nothing is wrong in it."
    sure = scores[:, 0] > 0.5
    dice = 2 * both / (found.sum((1, 2)) + true.sum((1, 2))).clamp(min=1)
    dice[either == 0] = 1
    recall = torch.where(either > 0, both / true.sum((1, 2)).clamp(min=1), torch.ones(()))
    right = (found == true).float().mean((1, 2))
    full = (both + 1) / (either + 1)
    return {
        "One number for each image is wanted; this is their mean.": wanted.mean(),
        "One number for each image is wanted; here all pixels of all images are in one pot.": (
            both.sum() / either.sum()
        ),
        "This is the pixel accuracy: background that is left background counts here.": right,
        empty: both / either.clamp(min=1),
        f"{empty} A small number added above and below changes the others.": full,
        "A score of exactly 0 is not above 0: background. `>`, not `>=`.": overlap(
            scores[:, 0] >= 0, true
        ),
        "Scores are no probabilities yet: above 0 is digit, not above one half.": overlap(
            sure, true
        ),
        "Every pixel counts as found: a sigmoid is above 0 everywhere. Ask for a score above 0, or "
        "a probability above one half.": overlap(torch.ones_like(true), true),
        "This is Dice. For the IoU, divide what is in both by what is in at least one.": dice,
        "Divided by the true mask only: who calls everything digit would get 1. Divide by the "
        "union.": recall,
        "The union counts what is in both twice: subtract it once, or use `|`.": torch.where(
            either > 0, both / (found.sum((1, 2)) + true.sum((1, 2))).clamp(min=1), torch.ones(())
        ),
    }


def stamped(x: Tensor, kernels: Tensor, stride: int) -> Tensor:
    """Return torch's transposed convolution of maps (c, h, w)."""
    return F.conv_transpose2d(x[None], kernels, stride=stride)[0]


def overwritten(x: Tensor, kernels: Tensor, stride: int) -> Tensor:
    """Return what comes out when each stamp replaces what lies under it."""
    k, (_, h, w) = kernels.shape[-1], x.shape
    out = torch.zeros(kernels.shape[1], (h - 1) * stride + k, (w - 1) * stride + k)
    for i in range(h):
        for j in range(w):
            stamp = torch.einsum("c,cdab->dab", x[:, i, j], kernels)
            out[:, i * stride : i * stride + k, j * stride : j * stride + k] = stamp
    return out


@LAB.task(
    "A transposed convolution",
    hints=(
        "First the size: (h − 1) · stride + k rows, likewise columns, and one map for each second "
        "index of `kernels`. Begin with zeros.",
        "The place (i, j) stamps at row `i * stride`, column `j * stride`. Its stamp on output map "
        "d is the sum over c of `x[c, i, j] * kernels[c, d]`. Stamps add up: `+=`.",
        "`stamp = (x[:, i, j, None, None, None] * kernels).sum(0)`, which is (d, k, k); then "
        "`out[:, top : top + k, left : left + k] += stamp`.",
    ),
    why="Every network that draws, the decoder of chapter 05 included, can make its maps large "
    "like this.",
)
def q3(transposed: object, draw: Draw) -> None:
    """`transposed(x, kernels, stride)` of several maps, not square, against torch."""
    for maps, made, k, stride in [(1, 1, 2, 2), (1, 1, 3, 2), (2, 3, 3, 1), (3, 2, 2, 3)]:
        h, w = (2, 3) if maps == 1 else (draw.integer(2, 4), draw.integer(5, 7))
        x = draw.integers(1, 4, maps, h, w).float()
        different = draw.order(maps * made * k * k).float() - 3  # so none is its own mirror image
        kernels = different.reshape(maps, made, k, k)
        given = f"{maps} maps of {h}x{w}, kernels {tuple(kernels.shape)}, stride {stride}"
        if maps == 1:
            given = (
                f"x[0] =\n{as_array(x[0])}\nkernels[0, 0] =\n{as_array(kernels[0, 0])}\n"
                f"stride {stride}"
            )
        wanted = stamped(x, kernels, stride)
        got = one_tensor(call(transposed, x, kernels, stride), "The maps")
        traps = {
            "A stamp replaces what was there; where stamps overlap, they add up: `+=`.": (
                overwritten(x, kernels, stride)
            ),
            "The stamps are turned upside down: press the kernel as it is.": stamped(
                x, kernels.flip(2, 3), stride
            ),
            "The stamps lie on their side: rows and columns of the kernel are exchanged.": stamped(
                x, kernels.transpose(2, 3), stride
            ),
            "Only the first input map stamps; the stamps of all input maps add up.": stamped(
                x[:1], kernels[:1], stride
            ),
            "This is the mean over the input maps; their stamps add up.": wanted / maps,
            "This is a convolution, which gathers; a transposed one scatters.": F.conv2d(
                F.pad(x[None], (k - 1,) * 4), kernels.transpose(0, 1)
            )[0],
        }
        if as_array(got).shape == (made, h * stride, w * stride) != tuple(wanted.shape):
            raise NotYet(
                "The size is not `h * stride`: the last stamp begins at `(h - 1) * stride` and is "
                "k long.",
                given=given,
                expected=f"shape {tuple(wanted.shape)}",
                got=f"shape {(made, h * stride, w * stride)}",
            )
        if stride > 1:
            traps["The stride has no effect: the next stamp stands `stride` places on."] = stamped(
                x, kernels, 1
            )
        same(got, wanted, given=given, what="The output", traps=traps)


def enlarged(image: Tensor, stamp: Tensor) -> Tensor:
    """Return what a stamp makes of an image (h, w) with a stride of 2."""
    return F.conv_transpose2d(image[None, None], stamp[None, None], stride=2)[0, 0]


@LAB.task(
    "A stamp without a checkerboard",
    hints=(
        "Think along one axis: the kernel of a picture is each weight down times each weight "
        "across, `torch.outer(row, row)`. With a stride of 2, even places get the weights 0, 2, 4, "
        "…, odd places 1, 3, 5, …",
        "Flat stays flat when the weights at even numbers add up to 1, and those at odd numbers, "
        "too. Then the ramp 0 1 2 3: halfway between two inputs there should be their mean.",
        "Along one axis, ½ 1 ½ is enough: an input stands where the 1 is, and between two inputs "
        "each gives one half.",
    ),
    why="You have made bilinear upsampling out of a transposed convolution: the network could "
    "learn it, but why should it have to?",
)
def q4(stamp: object, draw: Draw) -> None:
    """A stamp that, with stride 2, keeps a flat grey flat and draws a ramp straight."""
    attempted(stamp)
    weights = as_array(stamp, "The stamp")
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not 2 <= len(weights) <= 8:
        raise NotYet(
            "The stamp should be a square table of weights, from 2x2 to 8x8.",
            got=f"shape {weights.shape}",
        )
    kernel = torch.from_numpy(weights.astype("float32"))
    side, k = 14, len(kernel)
    inside = slice(k, (side - 1) * 2)  # where all stamps overlap as they do far from the border
    level = draw.number(0.3, 0.9)
    flat = enlarged(torch.full((side, side), level), kernel)[inside, inside]
    given = f"a flat grey of {level}"
    if not torch.allclose(flat, flat[0, 0].expand_as(flat), atol=1e-3):
        raise NotYet(
            "A checkerboard: the flat grey is no longer flat. Do even and odd places get the same "
            "sum of weights, down and across?",
            given=given,
            expected=f"{level} everywhere inside",
            got=f"from {flat.min():.3g} to {flat.max():.3g}",
        )
    if abs(float(flat[0, 0]) - level) > 1e-3:
        raise NotYet(
            "The flat grey stays flat, but it has become another grey: on every pixel the weights "
            "that reach it should add up to 1.",
            given=given,
            expected=str(level),
            got=f"{flat[0, 0]:.4g}",
        )
    steps = torch.arange(float(side))
    down, across = draw.number(0.2, 0.9), draw.number(1, 2)
    plane = enlarged(down * steps[:, None] + across * steps, kernel)[inside, inside]
    for name, axis, slope in (("down", 0, down), ("across", 1, across)):
        rises = plane.diff(dim=axis)
        if not torch.allclose(rises, torch.tensor(slope / 2).expand_as(rises), atol=1e-3):
            raise NotYet(
                "A staircase, or waves: flat grey stays flat, but a ramp does not stay straight. "
                "Between two inputs there should be their mean.",
                given=f"a ramp that rises by {slope} at each input, {name}",
                expected=f"{slope / 2:.4g} from each pixel to the next",
                got=f"from {rises.min():.3g} to {rises.max():.3g}",
            )


LAYERS = ("conv1", "conv2", "conv3", "skip2", "refine", "out")


def segmented(
    weights: dict[str, Tensor],
    images: Tensor,
    skips: tuple[bool, bool] = (True, True),
    *,
    how: str = "bilinear",
    without: str = "",
) -> Tensor:
    """Return the scores of a network with skips; `skips` says which of the two there are.

    `without` names a step that has no ReLU behind it.
    """

    def layer(name: str, x: Tensor) -> Tensor:
        weight = weights[f"{name}.weight"]
        return F.conv2d(x, weight, weights[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def bent(name: str, x: Tensor) -> Tensor:
        return x if name == without else F.relu(x)

    def enlarge(x: Tensor, like: Tensor) -> Tensor:
        corners = {"align_corners": False} if how == "bilinear" else {}
        return F.interpolate(x, size=like.shape[-2:], mode=how, **corners)

    fine = bent("conv1", layer("conv1", images))
    middle = bent("conv2", layer("conv2", F.max_pool2d(fine, 2)))
    coarse = bent("conv3", layer("conv3", F.max_pool2d(middle, 2)))
    x, added = enlarge(coarse, middle), layer("skip2", middle) if skips[0] else 0
    x = bent("sum", x + added)
    x = enlarge(x, fine) + (fine if skips[1] else 0)
    return layer("out", bent("refine", layer("refine", x)))


@LAB.task(
    "Add the skips",
    hints=(
        "Write the way down first and give a name to each map that you will need again: `fine`, "
        "`middle`, `coarse`. Each is a convolution with its ReLU; the last two read a pooled map.",
        "Up: enlarge `coarse` to the size of `middle`, add `self.skip2(middle)`, then ReLU. "
        "Enlarge that to the size of `fine`, add `fine`. The rest is given in the task's table.",
        "`x = enlarge(coarse, middle)`; `if self.skips: x = x + self.skip2(middle)`; "
        "`x = enlarge(F.relu(x), fine)`; `if self.skips: x = x + fine`; "
        "`return self.out(F.relu(self.refine(x)))`.",
    ),
    why="Two additions, next to no weights: and yet they carry where the edge is past the "
    "poolings.",
)
def q5(segmenter: object, draw: Draw) -> None:
    """`Segmenter(skips)` with drawn weights, against the same computation."""
    for skips in (True, False):
        network = call(segmenter, skips)
        if not isinstance(network, nn.Module):
            raise NotYet("A network is wanted: pass the class, `Segmenter`.", got=a_kind(network))
        weights = drawn_weights(network, draw)
        for sides in ((28, 28), (30, 22)):
            images = draw.uniform(2, 1, *sides)
            centre(network, weights, images, skips)
            given = f"images {tuple(images.shape)}, Segmenter(skips={skips})"
            with torch.no_grad():
                got = outputs_of(network, images, sides, given)
                compare_scores(got, weights, images, skips, given)


def drawn_weights(network: nn.Module, draw: Draw) -> dict[str, Tensor]:
    """Put drawn weights into a reader's network and return them. Raises NotYet."""
    wanted = {name: tuple(p.shape) for name, p in lc.SkipSegmenter().named_parameters()}
    found = {name: tuple(p.shape) for name, p in network.named_parameters()}
    if wanted != found:
        differ = sorted(set(wanted.items()) ^ set(found.items()))
        raise NotYet(
            "The layers are not those given in `__init__`: only `forward` is to be written.",
            expected=f"the six layers {', '.join(LAYERS)}",
            got=f"this differs: {', '.join(sorted({name for name, _ in differ}))}",
        )
    weights = {}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            fan_in = max(1, parameter[0].numel())
            weights[name] = draw.normal(*parameter.shape) * (2 / fan_in) ** 0.5
            if parameter.ndim == 1:
                weights[name] = draw.normal(*parameter.shape) / 3
            parameter.copy_(weights[name])
    return weights


def centre(network: nn.Module, weights: dict[str, Tensor], images: Tensor, skips: bool) -> None:
    """Move the last bias so that half of the scores are below 0."""
    weights["out.bias"] = weights["out.bias"] - segmented(weights, images, (skips, skips)).median()
    with torch.no_grad():
        dict(network.named_parameters())["out.bias"].copy_(weights["out.bias"])


def outputs_of(network: nn.Module, images: Tensor, sides: tuple[int, int], given: str) -> Tensor:
    """Return what the network gives; on the second size its errors are told in words."""
    try:
        scores = call(network, images)
    except Exception as error:
        if sides == (28, 28):
            raise
        if own_line(error) is None:
            raise
        raise NotYet(
            "It works on 28x28, but not on every size: when a side is odd, pooling rounds down, "
            "and twice that is too small. Enlarge to the size of the early map: `enlarge(x, "
            f"like)`. Torch says: {error}",
            given=given,
        ) from None
    return scores


def compare_scores(
    got: object, weights: dict[str, Tensor], images: Tensor, skips: bool, given: str
) -> None:
    """Raise NotYet unless these are the scores."""
    both = (skips, skips)
    wanted = segmented(weights, images, both)
    traps = {
        "It ends in a ReLU: no score below 0 is left, so no pixel can be called background with "
        "more than one half. Nothing comes after `out`.": wanted.relu(),
        "It ends in a sigmoid. Scores are wanted: the loss has the sigmoid inside.": (
            wanted.sigmoid()
        ),
        "It enlarges with `nearest`, in blocks; use `enlarge`, which is bilinear.": segmented(
            weights, images, both, how="nearest"
        ),
        "There is no ReLU after the sum of the enlarged `coarse` and its skip. (Before the "
        "addition it does nothing: `coarse` has had its own.)": segmented(
            weights, images, both, without="sum"
        ),
    }
    if skips:
        traps |= {
            "Neither skip is there, although `skips` is True.": segmented(
                weights, images, (False, False)
            ),
            "The skip from `fine` is missing.": segmented(weights, images, (True, False)),
            "The skip from `middle` is missing.": segmented(weights, images, (False, True)),
        }
    else:
        traps |= {
            "With `skips=False` both additions should be left out: `self.skips` has no effect.": (
                segmented(weights, images)
            ),
            "With `skips=False` the addition of `fine` is still there.": segmented(
                weights, images, (False, True)
            ),
            "With `skips=False` the addition of `skip2(middle)` is still there.": segmented(
                weights, images, (True, False)
            ),
        }
    for name in ("conv1", "conv2", "conv3", "refine"):
        traps[f"There is no ReLU behind `{name}`."] = segmented(weights, images, both, without=name)
    same(got, wanted, given=given, what="The scores", traps=traps, tolerance=1e-3)


@LAB.task(
    "Photographs of your own",
    hints=(
        "Which columns may a piece use? From `int(first * width)` up to, and without, "
        "`int(last * width)`. Cut these out first: then you need not think of them again.",
        "A piece that begins at row r ends at r + 27. So there are `rows - 28 + 1` places for it, "
        "and `torch.randint(n, ...)` draws from 0 to n − 1.",
        "`strip = photo[:, int(first * w) : int(last * w)]`; `top = torch.randint(len(strip) - 27, "
        "(count,), generator=generator)`, `left` likewise from `strip.shape[1] - 27`; then stack "
        "`strip[t : t + 28, l : l + 28]`.",
    ),
    why="Had training and test shared pixels, you would have measured memory and called it skill.",
)
def q6(prediction: object, cut: object, draw: Draw) -> None:
    """The prediction, and `cut(photo, part, count, generator)` on photographs of known pixels."""
    attempted(prediction, cut)
    one_of(prediction, ("higher", "lower", "same"), "The prediction")
    for part in ((0.5, 0.625), (0.0, 0.125), (0.875, 1.0)):
        width, height = 241 + 2 * draw.integer(0, 1), draw.integer(30, 31)
        photo = torch.arange(height * width).reshape(height, width)  # a pixel tells its place
        first, last = (int(share * width) for share in part)
        given = (
            f"a photograph with {height} rows and {width} columns, part {part}: columns {first} to "
            f"{last - 1}"
        )
        top, left = corners(call(cut, photo, part, 400, seeded(draw)), photo, given)
        within(top, left, first, last, height, given)
    one, two, other = draw.order(10_000)[:3].tolist()
    state = torch.random.get_rng_state()
    again = [
        as_array(call(cut, photo, part, 5, torch.Generator().manual_seed(seed)))
        for seed in (one, one, two, other)
    ]
    if not np.array_equal(again[0], again[1]) or not torch.equal(
        state, torch.random.get_rng_state()
    ):
        raise NotYet(
            "Two generators with the same seed should give the same pieces. Is `generator` handed "
            "to *every* drawing?"
        )
    if all(np.array_equal(again[0], pieces) for pieces in again[2:]):
        raise NotYet("Other seeds give the same pieces: is a seed set inside `cut`?")


def seeded(draw: Draw) -> torch.Generator:
    return torch.Generator().manual_seed(draw.integer(0, 10**6))


def corners(answer: object, photo: Tensor, given: str) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of each piece's first pixel. Raises NotYet when it is no piece."""
    one_tensor(answer, "The pieces")
    words = "The pieces should have another shape."
    pieces = of_shape(answer, (400, 28, 28), "The pieces", f"{given}; count = 400", says=words)
    width = photo.shape[1]
    if pieces.min() < 0 or pieces.max() >= photo.numel():
        raise NotYet("There are numbers in it that the photograph does not hold.", given=given)
    start = pieces[:, 0, 0]
    steps = np.arange(28)
    whole = start[:, None, None] + width * steps[:, None] + steps
    if np.array_equal(pieces, whole.transpose(0, 2, 1)):
        raise NotYet("The pieces lie on their side: rows and columns are exchanged.", given=given)
    if not np.array_equal(pieces, whole):
        raise NotYet(
            "A piece is not 28 neighbouring rows by 28 neighbouring columns of the photograph.",
            given=given,
        )
    return (start // width).astype(int), (start % width).astype(int)


def within(
    top: np.ndarray, left: np.ndarray, first: int, last: int, height: int, given: str
) -> None:
    """Raise NotYet unless all places of a part occur, and no other, each for itself."""
    if left.min() < first or left.max() + 27 >= last:
        number = int(np.argmax((left < first) | (left + 27 >= last)))
        raise NotYet(
            "A piece reaches out of its part: training and test would share pixels. Its *last* "
            "column counts, too; and `int` rounds the part's ends down.",
            given=given,
            expected=f"columns from {first} to {last - 1}",
            got=f"a piece with columns {left[number]} to {left[number] + 27}",
        )
    places = {(int(t), int(c)) for t, c in zip(top, left, strict=True)}
    rows, columns = height - 27, last - first - 27
    if len(places) == 1:
        raise NotYet("All pieces are the same: each needs a place of its own.", given=given)
    if top.max() < height - 28 or left.max() < last - 28 or top.min() or left.min() > first:
        raise NotYet(
            "Some places never occur among 400 pieces: a piece may begin at the first row and "
            "column, and it may end at the last. `torch.randint(n, ...)` draws from 0 to n − 1.",
            given=given,
            expected=f"first rows 0 to {height - 28}, first columns {first} to {last - 28}",
            got=f"first rows {top.min()} to {top.max()}, first columns {left.min()} to "
            f"{left.max()}",
        )
    if len(places) < rows * columns:
        raise NotYet(
            "Row and column move together, or some places never occur: draw them apart.",
            given=given,
            expected=f"{rows * columns} different places",
            got=f"{len(places)} different places",
        )


class Marker(nn.Module):
    """Calls a pixel digit above a grey, which itself scores 0; notes how it was called."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.8))
        self.level = level
        self.calls: list[tuple[bool, bool, float]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append((self.training, torch.is_grad_enabled(), float(images.max())))
        return self.scale * ((255 * images).round() - self.level) / 255


class Reader(lc.LeNet5):
    """The course's trained LeNet-5, with dropout, which notes how it was called."""

    def __init__(self) -> None:
        super().__init__(dropout=0.3)
        self.calls: list[tuple[bool, bool, float]] = []
        self.load_state_dict(lc.load_model("lenet5")[0].state_dict())

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append((self.training, torch.is_grad_enabled(), float(images.max())))
        return super().forward(images)


@LAB.task(
    "Does a mask help reading?",
    hints=(
        "Three steps: scores of all pixels; pictures in which background is 0; answers to these. "
        "Both networks take (n, 1, 28, 28), from 0 to 1.",
        "`found = scores > 0` is (n, 1, 28, 28), just as the inputs: multiply them. The answer is "
        "the place of the largest of ten scores. And for the second function: `right = answers == "
        "labels`, once before, once after.",
        "`inputs = pictures[:, None] / 255`; under `torch.no_grad()`, both networks in `eval()`: "
        "`reader(inputs * (network(inputs) > 0)).argmax(1)`. Then `gained = (~right_before & "
        "right_after).sum()`, and `lost` the other way round.",
    ),
    why="A mask is a means. Whether it serves its end is another question than its IoU.",
)
def q7(read_masked: object, gained_and_lost: object, draw: Draw) -> None:
    """`read_masked(network, reader, pictures)`, and `gained_and_lost(before, after, labels)`."""
    attempted(read_masked, gained_and_lost)
    digits = embedded_digits()
    chosen = draw.order(len(digits))[:300]
    ink = digits.images[chosen]
    level, greys = draw.integer(133, 137), draw.integers(30, 130, 300, 1, 1).byte()
    greys[200:] = level  # the score is 0 there
    pictures = torch.where(ink >= 140, ink, greys)
    network, reader = Marker(level).train(), Reader().train()
    words = (
        "The pictures themselves were changed: the next network would get them erased. Leave "
        "`pictures` as they are; work on a copy."
    )
    answers = keeps(read_masked, network, reader, pictures, says=[words])
    given = "300 scenes, bytes (300, 28, 28); both networks come in training mode"
    called_well(network, "network", given)
    called_well(reader, "reader", given)
    compare_answers(answers, network, reader, pictures, given)
    for count in (6, 40):
        labels = draw.integers(0, 9, count)
        before, after = (
            torch.where(draw.uniform(count) < share, labels, draw.integers(0, 9, count))
            for share in (0.4, 0.7)
        )
        before[0], after[0] = (labels[0] + 1) % 10, labels[0]
        before[1], after[1] = (labels[1] + 1) % 10, (labels[1] + 2) % 10
        first, then = before == labels, after == labels
        gained, lost = int((~first & then).sum()), int((first & ~then).sum())
        answer = call(gained_and_lost, before, after, labels)
        got = parts(answer, 2, "Two numbers are wanted: gained, lost.", stacked=True)
        words = f"before = {before.tolist()}\nafter = {after.tolist()}\nlabels = {labels.tolist()}"
        changed = int((before != after).sum())
        same(
            [whole_number(value, "Each of the two") for value in got],
            [gained, lost],
            given=words,
            what="(gained, lost)",
            traps={
                "The two are exchanged: gained is wrong before and right after.": [lost, gained],
                "These are all right answers after and before; count only digits where the two "
                "differ in being right.": [int(then.sum()), int(first.sum())],
                "These are all wrong answers before and after.": [
                    int((~first).sum()),
                    int((~then).sum()),
                ],
                "An answer that changes from one wrong digit to another is neither gained nor "
                "lost.": [gained, changed - gained],
            },
        )


def called_well(network: Marker | Reader, name: str, given: str) -> None:
    """Raise NotYet unless a network was called in evaluation mode, on shares, with no gradients."""
    if not network.calls:
        raise NotYet(f"The {name} that comes in is not used.", given=given)
    if any(training for training, _, _ in network.calls):
        raise NotYet(
            f"The {name} answers in training mode: with dropout in it, each time otherwise. "
            f"`{name}.eval()` first.",
            given=given,
        )
    if any(gradients for _, gradients, _ in network.calls):
        raise NotYet(
            f"For the {name}, torch still keeps what it would need for gradients: put it under "
            "`with torch.no_grad():`.",
            given=given,
        )
    if any(largest > 1.01 for _, _, largest in network.calls):
        raise NotYet(
            f"The {name} gets pixels from 0 to 255; it was trained on 0 to 1.", given=given
        )


def compare_answers(
    answers: object, network: Marker, reader: Reader, pictures: Tensor, given: str
) -> None:
    """Raise NotYet unless these are the answers to the erased pictures."""
    inputs = pictures[:, None] / 255

    def read(shown: Tensor) -> Tensor:
        with torch.no_grad():
            return reader.eval()(shown).argmax(1)

    with torch.no_grad():
        scores = network.eval()(inputs)
        raw = reader.eval()(inputs * (scores > 0))
    found = scores > 0
    same(
        answers,
        raw.argmax(1),
        given=given,
        what="The answers",
        traps={
            "These are ten scores for each picture; wanted is the digit: `argmax(1)`.": raw,
            "These are ten probabilities for each picture; wanted is the digit: `argmax(1)`.": (
                raw.softmax(1)
            ),
            "Nothing is erased: the reader sees the pictures as they came. (A sigmoid is above 0 "
            "everywhere: ask for *scores* above 0.)": read(inputs),
            "The *digit* is erased, and the background left.": read(inputs * ~found),
            "A score of exactly 0 is not above 0: it is erased, too. `>`, not `>=`.": read(
                inputs * (scores >= 0)
            ),
            "A pixel counts as digit above a score of 0, not of one half.": read(
                inputs * (scores > 0.5)
            ),
            "The reader sees the mask itself; wanted is the picture with its background erased.": (
                read(found.float())
            ),
            "The background is white here; the reader knows paper as 0.": read(
                torch.where(found, inputs, torch.ones(()))
            ),
            "The pixels are multiplied by the *scores*; multiply by the mask, ones and zeros.": (
                read(inputs * scores)
            ),
            "The pixels are multiplied by probabilities; multiply by the mask, ones and zeros.": (
                read(inputs * scores.sigmoid())
            ),
        },
    )


def rule_scenes(draw: Draw, count: int = 500) -> lc.DigitScenes:
    """Return scenes with embedded digits and pieces of the photographs' validation part."""
    digits = embedded_digits()
    chosen = draw.order(len(digits))[:count]
    part = lc.ImageSet(digits.images[chosen], digits.labels[chosen], split="validation")
    return lc.DigitScenes(part, seed=draw.integer(0, 10**6))


def by_threshold(pictures: Tensor) -> Tensor:
    """Return the masks of the simplest rule: all that is at least as bright as the digits."""
    return pictures >= 128


@LAB.task(
    "Open: a mask without a network",
    hints=(
        "What do you know of every scene, before you look at it? How the digits' greys are made, "
        "where the digit stands, and where it certainly does not.",
        "The digits of this course stand in the middle. So the four outermost pixels on each side "
        "are ground, and they tell you how bright the ground is here.",
        "`(pictures >= 128) & middle`, where `middle` is true only 4 pixels and more from the "
        "border, counts as an answer. What does comparing with the ground's own greys add?",
    ),
    why="Only beside the best simple rule does a network's IoU say what learning was worth.",
    seconds=60,
)
def q8(rule: object, draw: Draw) -> str:
    """Any `rule(pictures)` -> masks that beats the threshold at 128, in pairs."""
    scenes = rule_scenes(draw)
    true = scenes.labels.bool()
    words = (
        "The pictures themselves were changed: the networks would get other ones than your rule. "
        "Leave `pictures` as they are; work on a copy."
    )
    masks = one_tensor(keeps(rule, scenes.images, says=[words]), "The masks")
    words = "The masks should have another shape."
    answer = of_shape(masks, true.shape, "The masks", says=words)
    values = set(np.unique(answer).tolist())
    if not values <= {0, 1}:
        raise NotYet(
            "A mask holds ones and zeros, or true and false.",
            got=f"{len(values)} different numbers, from {min(values):.3g} to {max(values):.3g}",
        )
    if np.array_equal(answer.astype(bool), true.numpy() & False):
        raise NotYet("Nothing is found anywhere: the trivial answer, with an IoU of 0.")
    what, one = "The mask of a single picture", call(rule, scenes.images[:1])
    one = of_shape(one, (1, 28, 28), what, says=f"{what} should have another shape.")
    if not np.array_equal(one.astype(bool), answer[:1].astype(bool)):
        raise NotYet(
            "Alone, the first picture gets another mask than among the others: a rule should look "
            "at one picture at a time. Over which dimensions do you average?"
        )
    plain = overlap(by_threshold(scenes.images), true)
    yours = overlap(torch.from_numpy(answer.astype(bool)), true)
    low, high = lc.mean_interval((yours - plain).tolist())
    words = (
        f"On 500 new scenes your rule has an IoU of {yours.mean():.3f}, the threshold at 128 one "
        f"of {plain.mean():.3f}; the difference lies between {low:+.3f} and {high:+.3f} (95 % "
        "interval)."
    )
    if low <= 0:
        raise NotYet(f"{words} That is not shown to be better.")
    return words
