"""Lab 08, Colour, and another library: the checks of labs/lab_08_colour.ipynb."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse.data.digits import SIZES
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

LAB = Lab("08", "Colour, and another library")
progress = LAB.progress

FEW, HELD, ROUNDS = 600, 2000, 25  # task 7: images to train on, to judge by, and epochs


@LAB.task(
    "What does a layer cost?",
    hints=(
        "One kernel has side · side weights for *each* channel, and one bias in all. A kernel "
        "without padding fits at `height - side + 1` rows.",
        "At each place one kernel multiplies all its weights, the bias not among them, with what "
        "is under it. How many places are there, and how many kernels?",
        "`weights = kernels * (channels * side**2 + 1)`; `places = (height - side + 1) * (width - "
        "side + 1)`; `work = kernels * places * channels * side**2`.",
    ),
    why="Weights are what you store, multiply-adds are what you wait for; colour changes the two "
    "by very different shares.",
)
def q1(cost: object, draw: Draw) -> None:
    """`cost(channels, kernels, side, height, width)` -> (weights, multiply-adds), against torch."""
    for number in range(3):
        channels, kernels = draw.integer(2, 5), draw.integer(4, 9)
        side, height, width = draw.integer(2, 5), draw.integer(12, 15), draw.integer(17, 20)
        if not number:  # the first layer of the chapter
            channels, kernels, side, height, width = 3, 16, 5, 32, 32
        layer = nn.Conv2d(channels, kernels, side)
        places = layer(torch.zeros(1, channels, height, width))[0, 0].numel()
        weights, one = lc.count_parameters(layer), channels * side**2
        work = kernels * places * one
        answer = call(cost, channels, kernels, side, height, width)
        got = parts(answer, 2, "Two numbers are wanted: weights, multiply-adds.")
        given = (
            f"channels {channels}, kernels {kernels}, side {side}, height {height}, width {width}"
        )
        same(
            got[0],
            weights,
            given=given,
            what="The number of weights",
            traps={
                "The biases are missing: one for each kernel.": kernels * one,
                "A kernel has *one* bias, not one for each channel.": kernels * (one + channels),
                "A kernel has a slice of weights for each channel.": kernels * (side**2 + 1),
                "These are the weights of one kernel.": one + 1,
                "The two are exchanged: first the weights, then the work.": work,
            },
        )
        same(
            got[1],
            work,
            given=given,
            what="The number of multiply-adds",
            traps={
                "Without padding the kernel does not fit at every pixel: `height - side + 1`.": (
                    kernels * height * width * one
                ),
                "One place too few in each direction: of 4 pixels side 2 fits at 3, `height - side "
                "+ 1`.": kernels * (height - side) * (width - side) * one,
                "The biases are only added: they are no multiplications.": places * weights,
                "Every channel is multiplied, not only one.": work // channels,
                "The work is done by every kernel.": work // kernels,
                "That is the work at one place.": kernels * one,
            },
        )


def turned(kernels: Tensor) -> Tensor:
    return kernels.flip(2, 3)


@LAB.task(
    "A convolution in colour",
    hints=(
        "At one place: cut the window out of *all* channels, (c, s, s). Multiply it with one "
        "kernel, which has the same shape, and add everything up.",
        "Three loops do: over kernels, rows and columns of the output. The sum runs over all "
        "three axes of the product, and the bias is added once.",
        "`window = picture[:, i : i + s, j : j + s]`, then `out[k, i, j] = (window * kernels[k])."
        "sum() + biases[k]`; `out` has `h - s + 1` rows and `w - s + 1` columns.",
    ),
    why="Red, green and blue, or six maps of an earlier layer: it is the same sum.",
)
def q2(convolve: object, draw: Draw) -> None:
    """`convolve(picture, kernels, biases)` of several channels and kernels, against torch."""
    for channels, count, side in [(2, 1, 2), (3, 2, 2), (3, 4, 3)]:
        h, w = (3, 4) if count == 1 else (draw.integer(4, 6), draw.integer(7, 9))
        picture = draw.integers(0, 9, channels, h, w).float()
        picture = picture if count == 1 else picture / 2
        different = draw.order(count * channels * side**2).float() - 4
        kernels = different.reshape(count, channels, side, side)
        biases = draw.integers(1, 9, count).float()

        def by_torch(kernels: Tensor, biases: Tensor, picture: Tensor = picture) -> Tensor:
            return F.conv2d(picture[None], kernels, biases)[0]

        given = f"picture {tuple(picture.shape)}, kernels {tuple(kernels.shape)}"
        if count == 1:
            given = (
                f"picture =\n{as_array(picture)}\nkernels[0] =\n{as_array(kernels[0])}\n"
                f"biases = {biases.tolist()}"
            )
        nothing = torch.zeros_like(biases)
        apart = F.conv2d(
            picture[None], kernels.transpose(0, 1).reshape(-1, 1, side, side), groups=channels
        )[0]
        same(
            call(convolve, picture, kernels, biases),
            by_torch(kernels, biases),
            given=given,
            what="The output",
            traps={
                "The bias is missing: one for each kernel, added to its whole map.": by_torch(
                    kernels, nothing
                ),
                "The bias is added once for every channel; it belongs to the kernel, once.": (
                    by_torch(kernels, channels * biases)
                ),
                "This is the mean over the channels; everything is added up.": by_torch(
                    kernels / channels, biases
                ),
                "Only the first channel is looked at.": by_torch(
                    kernels[:, :1], biases, picture[:1]
                ),
                "Every channel gets a map of its own; their sum is one map for each kernel.": apart,
                "The kernel is turned upside down: lay it on the picture as it is.": by_torch(
                    turned(kernels), biases
                ),
                "The kernel lies on its side: rows and columns are exchanged.": by_torch(
                    kernels.transpose(2, 3), biases
                ),
                "There is a ReLU behind it; here the sum itself is wanted.": by_torch(
                    kernels, biases
                ).relu(),
                "All is lost behind the point: the maps should be floats, as the picture is.": (
                    by_torch(kernels, biases).trunc()
                ),
            },
        )


def cropped(
    images: Tensor, padding: int, top: Tensor, left: Tensor, mirrored: Tensor, mode: str
) -> Tensor:
    """Return crops of padded images, one by one."""
    height, width = images.shape[-2:]
    larger = F.pad(images.float(), (padding,) * 4, mode=mode).byte()
    result = []
    for image, t, c, m in zip(larger, top.tolist(), left.tolist(), mirrored.tolist(), strict=True):
        piece = image[:, t : t + height, c : c + width]
        result.append(piece.flip(2) if m else piece)
    return torch.stack(result)


@LAB.task(
    "Crop and mirror",
    hints=(
        "First make all images larger by a black border: `F.pad(images, (p, p, p, p))`. Then each "
        "crop is a plain cut, and each image has its own.",
        "Image i of the answer is `larger[i, :, top[i] : top[i] + h, left[i] : left[i] + w]`, and "
        "if `mirrored[i]` its columns come in reverse order.",
        "A loop over `zip(larger, top, left, mirrored)`; `piece.flip(2)` mirrors left to right; "
        "`torch.stack` makes one tensor of the list.",
    ),
    why="81 places, two directions: out of one picture come 162, and none has to be labelled.",
)
def q3(crop_and_mirror: object, draw: Draw) -> None:
    """`crop_and_mirror(images, padding, top, left, mirrored)`, against one image at a time."""
    for count, padding, height, width in [(2, 1, 3, 4), (9, 4, 9, 12)]:
        images = draw.integers(1, 255, count, 3, height, width).byte()
        top, left = (draw.integers(0, 2 * padding, count) for _ in range(2))
        top[0], left[0] = 0, 2 * padding
        top[1], left[1] = 2 * padding, padding
        mirrored = draw.uniform(count) < 0.5
        mirrored[:2] = torch.tensor([False, True])
        given = (
            f"{count} images of 3 x {height} x {width}, padding {padding}, top {top.tolist()}, "
            f"left {left.tolist()}, mirrored {mirrored.tolist()}"
        )

        def made(
            images: Tensor = images, padding: int = padding, top: Tensor = top,
            left: Tensor = left, mirrored: Tensor = mirrored, mode: str = "constant",
        ) -> Tensor:  # fmt: skip
            return cropped(images, padding, top, left, mirrored, mode)

        back = 2 * padding - left
        words = ["The images themselves were changed: the next epoch would start from them. Copy."]
        words += [f"`{n}` was changed; leave it." for n in ("top", "left", "mirrored")]
        got = keeps(crop_and_mirror, images, padding, top, left, mirrored, says=words)
        same(
            got,
            made(),
            given=given,
            what="The result",
            traps={
                "Nothing is mirrored.": made(mirrored=torch.zeros_like(mirrored)),
                "All are mirrored; ask `mirrored[i]`.": made(mirrored=torch.ones_like(mirrored)),
                "Those are mirrored that should not be, and the others are not.": made(
                    mirrored=~mirrored
                ),
                "The picture is mirrored first and then cropped; crop first. (Then `left` counts "
                "from the left of the picture as it is.)": made(
                    left=torch.where(mirrored, back, left)
                ),
                "Mirrored upside down; the columns should change their order, not the rows.": (
                    torch.stack(
                        [
                            one.flip(1) if m else one
                            for one, m in zip(
                                made(mirrored=torch.zeros_like(mirrored)), mirrored, strict=True
                            )
                        ]
                    )
                ),
                "`top` and `left` are exchanged.": made(top=left, left=top),
                "The border is a reflection of the picture, as in the chapter; here it is black, "
                "0.": made(mode="reflect"),
                "All images get the first one's place; each has its own.": made(
                    top=top[:1].expand(count), left=left[:1].expand(count)
                ),
                "The picture moves the other way: `top` and `left` are the crop's corner in the "
                "larger picture.": made(top=2 * padding - top, left=back),
            },
        )
        kind = as_array(got).dtype
        if kind != np.uint8:
            raise NotYet(
                "Bytes went in, other numbers came out: `torch.zeros_like(images)` makes bytes.",
                expected="uint8",
                got=str(kind),
            )


def normalised(
    x: Tensor, mean: Tensor, var: Tensor, factor: Tensor, shift: Tensor, eps: float = 1e-5
) -> Tensor:
    """Return maps (n, c, h, w) with mean and variance of each map taken off and divided out."""
    mean, var, factor, shift = (one[:, None, None] for one in (mean, var, factor, shift))
    return factor * (x - mean) / (var + eps).sqrt() + shift


@LAB.task(
    "Batch normalisation",
    hints=(
        "One mean and one variance for each *map*: over images, rows and columns, dimensions 0, 2 "
        "and 3. In evaluation take the running ones instead, and hand them back unchanged.",
        "To subtract (c,) from (n, c, h, w), give it two more dimensions: `mean[:, None, None]`. "
        "The new running mean is nine tenths of the old one and one tenth of the batch's.",
        "`mean = x.mean((0, 2, 3))`, `var = x.var((0, 2, 3), unbiased=False)`, `y = factor * (x - "
        "mean) / sqrt(var + 1e-5) + shift` with two dimensions more each; running: `0.9 * old + "
        "0.1 * new`.",
    ),
    why="One layer with two ways of working: that is why `train()` and `eval()` exist.",
)
def q4(batch_norm: object, draw: Draw) -> None:
    """`batch_norm(x, factor, shift, running_mean, running_var, training)`, against torch."""
    for n, c, h, w in [(4, 1, 1, 1), (5, 3, 2, 4)]:
        for training in (True, False):
            x = draw.integers(0, 9, n, c, h, w).float()
            x[0], x[1] = 0, 7  # never all the same
            factor, shift = 1 + draw.uniform(c), draw.integers(1, 3, c).float()
            mean, var = draw.integers(1, 5, c).float(), 2 + draw.integers(1, 5, c).float()
            given = f"x {tuple(x.shape)}, training = {training}"
            if n == 4:
                given = (
                    f"x = {x.flatten().tolist()} (four images, one map of one pixel), factor "
                    f"{factor.item():.2f}, shift {shift.item():.0f}, running mean "
                    f"{mean.item():.0f}, running variance {var.item():.0f}, training = {training}"
                )
            check_batch_norm(batch_norm, (x, factor, shift, mean, var), training, given)
    for training in (True, False):
        x = draw.normal(6, 3, 2, 3) * torch.tensor([0, 0.003, 2])[:, None, None]
        factor, shift = 1 + draw.uniform(3), draw.integers(1, 3, 3).float()
        mean, var = torch.zeros(3), torch.tensor([0, 1e-5, 4])
        given = (
            f"x {tuple(x.shape)}: the first map is 0 everywhere, the second has a variance of "
            f"about 0.00001; running variance 0, 0.00001, 4; training = {training}"
        )
        check_batch_norm(batch_norm, (x, factor, shift, mean, var), training, given)


def check_batch_norm(
    batch_norm: object, inputs: tuple[Tensor, ...], training: bool, given: str
) -> None:
    """Raise NotYet unless values and running numbers are right."""
    x, factor, shift, mean, var = inputs
    seen_mean, seen_var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    new_mean, new_var = 0.9 * mean + 0.1 * seen_mean, 0.9 * var + 0.1 * seen_var
    names = ("x", "factor", "shift", "running_mean", "running_var")
    words = [f"`{name}` itself was changed: make a new tensor." for name in names]
    answer = keeps(batch_norm, *inputs, training, says=words)
    y, got_mean, got_var = parts(
        answer, 3, "Three things are wanted: the maps, running_mean, running_var."
    )
    if training:
        wanted = F.batch_norm(x, None, None, factor, shift, training=True)
    else:
        wanted = F.batch_norm(x, mean, var, factor, shift, training=False)
    used = (seen_mean, seen_var) if training else (mean, var)
    if bool((used[1] == 0).any()) and not np.isfinite(as_array(y, "`y`")).all():
        raise NotYet(
            "A map without variance gives nan, 0 divided by 0: 0.00001 is added under the root.",
            given=given,
        )
    outside = normalised(x, used[0], (used[1].sqrt() + 1e-5) ** 2, factor, shift, eps=0)
    bare = normalised(x, *used, torch.ones_like(factor), torch.zeros_like(shift))
    whole = normalised(x, x.mean()[None], x.var(unbiased=False)[None], factor, shift)
    traps = {
        "In evaluation mode the running mean and variance are to be used, not the batch's.": (
            normalised(x, seen_mean, seen_var, factor, shift)
        ),
        "In training the batch's own mean and variance are to be used, not the running ones.": (
            normalised(x, mean, var, factor, shift)
        ),
        "In training the batch's own mean and variance are to be used; these are the new running "
        "ones.": normalised(x, new_mean, new_var, factor, shift),
        "One mean for *all* maps; each map has its own.": whole,
        "Each image is normalised by itself; the mean goes over all images of the batch.": (
            F.group_norm(x, x.shape[1], factor, shift)
        ),
        "Divided by the variance; divide by its square root.": normalised(
            x, used[0], used[1] ** 2, factor, shift
        ),
        "The variance divides by n − 1 here; in this layer it is the mean of the squares: "
        "`unbiased=False`.": normalised(x, seen_mean, x.var((0, 2, 3)), factor, shift),
        "0.00001 is added to the root; it belongs under it: √(variance + 0.00001).": outside,
        "Factor and shift are missing.": bare,
        "The factor multiplies the shift, too: factor · (…) + shift.": factor[:, None, None]
        * (bare + shift[:, None, None]),
    }
    same(y, wanted, given=given, what="`y`", traps=traps)
    larger = x.var((0, 2, 3))
    pairs = (
        ("mean", got_mean, mean, seen_mean, {}),
        (
            "variance",
            got_var,
            var,
            seen_var,
            {
                "The batch's variance is divided by count − 1, as PyTorch does for its running "
                "one; here by the count.": 0.9 * var + 0.1 * larger,
            },
        ),
    )
    for name, got, old, seen, more in pairs:
        same(
            got,
            0.9 * old + 0.1 * seen if training else old,
            given=given,
            what=f"The running {name}",
            traps={
                "The running numbers stay as they are; in training they move by a tenth.": old,
                "In evaluation mode the running numbers must not move: whoever asks a network "
                "changes nothing in it.": 0.9 * old + 0.1 * seen,
                "These are the batch's own; the running numbers move towards them by a tenth.": (
                    seen
                ),
                "Nine tenths and one tenth are exchanged: the old number keeps nine tenths.": (
                    0.1 * old + 0.9 * seen
                ),
                **more,
            },
        )


def deep(network: nn.Module, x: Tensor, links: bool, way: str = "") -> Tensor:
    """Return the scores that a reader's layers give, by the task's table."""
    x = network.first(x)
    x = start = F.max_pool2d(x if way == "no first relu" else F.relu(x), 4)
    for layer in network.layers:
        found = layer(x)
        if way == "relu of the sum":
            x = F.relu(x + found) if links else F.relu(found)
        elif way == "no relu":
            x = x + found if links else found
        elif way == "from the start":
            x = start + F.relu(found)
        elif way == "to itself":
            x = 2 * F.relu(found)
        elif way == "around all":
            x = F.relu(found)
        elif way == "joined":
            x = (x + F.relu(found)) / 2
        else:
            x = x + F.relu(found) if links else F.relu(found)
    x = x + start if way == "around all" else x
    pooled = F.avg_pool2d(x, 2) if way == "means" else F.max_pool2d(x, 2)
    return network.out(pooled.flatten(1))


@LAB.task(
    "Links around twelve layers",
    hints=(
        "A loop over `self.layers`. In each turn: what does the layer find, and what goes on to "
        "the next one?",
        "`change = F.relu(layer(x))`. With links the next `x` is `x + change`, without them it is "
        "`change`. Behind the loop the last pooling, and `flatten(1)`.",
        "`x = F.max_pool2d(F.relu(self.first(x)), 4)`, the loop, `return self.out(F.max_pool2d(x, "
        "2).flatten(1))`.",
    ),
    why="Both networks have the same weights: the experiment tells what the addition alone does.",
)
def q5(prediction: object, network: object, draw: Draw) -> str:
    """`Deep(links)` with drawn weights against the same layers; and a prediction."""
    attempted(prediction, network)
    one_of(prediction, ("with links", "without links", "both", "neither"), "The prediction")
    for links in (True, False):
        made = call(network, links)
        if not isinstance(made, nn.Module):
            raise NotYet("A network is wanted: pass the class, `Deep`.", got=a_kind(made))
        missing = [name for name in ("first", "layers", "out") if not hasattr(made, name)]
        if missing:
            raise NotYet(
                "The layers are not those given in `__init__`: only `forward` is to be written.",
                got=f"missing: {', '.join(missing)}",
            )
        with torch.no_grad():
            for parameter in made.parameters():
                scale = (1 / max(1, parameter[0].numel())) ** 0.5
                parameter.copy_(draw.normal(*parameter.shape) * scale)
            images = draw.uniform(3, 3, 32, 32)
            wanted = deep(made, images, links)
            traps = {
                "The links are there although `links` is False." if not links else (
                    "There are no links, although `links` is True."
                ): deep(made, images, not links),
                "The ReLU comes after the sum; here what is *added* goes through it: `x + "
                "F.relu(layer(x))`.": deep(made, images, links, "relu of the sum"),
                "A ReLU is missing behind each layer.": deep(made, images, links, "no relu"),
                "The ReLU behind `first` is missing.": deep(made, images, links, "no first relu"),
                "The last pooling takes means; it should take the largest of four, too.": deep(
                    made, images, links, "means"
                ),
            }  # fmt: skip
            if links:
                traps |= {
                    "Every link begins at the first layer; each leads around *one* layer.": deep(
                        made, images, links, "from the start"
                    ),
                    "The mean of both goes on; their sum should.": deep(
                        made, images, links, "joined"
                    ),
                    "What the layer found is added to itself. Add what it was *given*; `x` is no "
                    "longer that once it has a new value.": deep(made, images, links, "to itself"),
                    "There is one link around all twelve layers; each needs its own.": deep(
                        made, images, links, "around all"
                    ),
                }

            def forward(images: Tensor, links: bool, made: nn.Module = made) -> object:
                return made(images)

            got = call(forward, images, links)
            given = f"images {tuple(images.shape)}, Deep(links={links})"
            same(got, wanted, given=given, what="The result", traps=traps)
    return "The way is right. Now see whether your prediction is."


def channels_first(weight: Tensor, channels: int) -> np.ndarray:
    """Return dense weights (in, out) for inputs in the order channel, place, number by number."""
    array = weight.numpy()
    places = len(array) // channels
    result = np.empty(array.T.shape, array.dtype)
    for place in range(places):
        for channel in range(channels):
            result[:, channel * places + place] = array[place * channels + channel]
    return result


@LAB.task(
    "Weights from Keras",
    hints=(
        "The kernels only change the order of their axes: from (h, w, in, out) to (out, in, h, w). "
        "`permute` takes the *old* numbers of the axes in their new order.",
        "In the dense layer the axis `in` holds two things at once, place and channel. Give each "
        "its own axis first, as Keras counts: (places, channels, out).",
        "`weight.permute(3, 2, 0, 1)`; and `weight.reshape(-1, channels, out).permute(2, 1, 0)."
        "reshape(out, -1)`, which is (out, channels, places) joined to (out, channels · places).",
    ),
    why="Where axes were joined, no shape will ever tell you in which order.",
)
def q6(kernels_from_keras: object, dense_from_keras: object, draw: Draw) -> None:
    """Both layouts, on numbers that are all different."""
    attempted(kernels_from_keras, dense_from_keras)
    for outs, ins, h, w in [(1, 2, 2, 2), (3, 4, 2, 5)]:
        weight = draw.order(outs * ins * h * w).float().reshape(h, w, ins, outs)
        given = f"weight (h {h}, w {w}, in {ins}, out {outs})"
        wanted = np.empty((outs, ins, h, w), np.float32)
        for o, i, r, c in np.ndindex(outs, ins, h, w):
            wanted[o, i, r, c] = weight[r, c, i, o]
        same(
            call(kernels_from_keras, weight),
            wanted,
            given=given,
            what="The result of `kernels_from_keras`",
            traps={
                "This is the way *to* Keras, as in the chapter; here the weights come back.": (
                    weight.permute(2, 3, 1, 0)
                ),
                "The shape is right, but the numbers were only counted off anew: `reshape` moves "
                "no axis. Use `permute`.": weight.reshape(outs, ins, h, w),
                "`out` and `in` are exchanged: (out, in, h, w).": weight.permute(2, 3, 0, 1),
                "Rows and columns are exchanged: (out, in, h, w).": weight.permute(3, 2, 1, 0),
                "This is the order as it came.": weight,
            },
        )
    for outs, channels, places in [(2, 2, 4), (3, 4, 6)]:
        weight = draw.order(outs * channels * places).float().reshape(channels * places, outs)
        given = f"weight (in {channels * places}, out {outs}), channels = {channels}"
        if outs == 2:
            given = f"weight =\n{as_array(weight)}\nchannels = {channels}"
        apart = weight.reshape(places, channels, outs)
        same(
            call(dense_from_keras, weight, channels),
            channels_first(weight, channels),
            given=given,
            what="The result of `dense_from_keras`",
            traps={
                "Transposed, but not reordered: `in` still counts place by place.": weight.T,
                "Reordered, but not transposed: PyTorch has (out, in).": apart.transpose(
                    0, 1
                ).reshape(-1, outs),
                "The shape is right, but the numbers were only counted off anew: `reshape` moves "
                "no axis.": weight.reshape(outs, -1),
                "Cut into (channels, places) where it is (places, channels): Keras counts place by "
                "place.": weight.reshape(channels, places, outs).permute(2, 1, 0).reshape(outs, -1),
            },
        )


@functools.cache
def embedded() -> tuple[Tensor, Tensor]:
    """Return images and labels of digits in colour: FEW to train on, then HELD of other digits."""
    found = lc.load_dataset("colour-digits", "train")
    numbers = torch.arange(len(found))  # each digit once, then all in the same order again, changed
    chosen = torch.cat([numbers[:FEW], numbers[numbers % SIZES["train"] >= FEW][-HELD:]])
    return found.images[chosen], found.labels[chosen]


def trained(augment: object, images: Tensor, labels: Tensor, seed: int = 0) -> nn.Module:
    """Return a LeNet-5 trained on images that `augment` changes before each epoch.

    `augment(images, generator)` gives changed bytes of the same shape. Raises NotYet for others.
    """
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    network = lc.LeNet5(in_channels=images.shape[1], input_size=images.shape[-1])
    torch.random.set_rng_state(torch_state)
    order, chance = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    steps = ROUNDS * -(-len(images) // 32)
    optimizer = lc.adam(network.parameters(), lr=0.003)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=steps)
    for _ in range(ROUNDS):
        changed = images if augment is None else bytes_of(augment, images, chance)
        batches = lc.Batches(changed, labels, 32, order)
        lc.train_one_epoch(network, batches, F.cross_entropy, optimizer, scheduler)
    return network.eval()


def bytes_of(augment: object, images: Tensor, chance: torch.Generator) -> Tensor:
    """Return what `augment` makes of images, as bytes. Raises NotYet when it is no such thing."""
    words = ["The images themselves were changed: the next epoch would start from them. Copy them."]
    changed = keeps(augment, images, chance, says=words)
    array = of_shape(
        changed, tuple(images.shape), "The images", says="The images should keep their shape."
    )
    if array.min() < 0 or array.max() > 255 or (0 < array.max() <= 1):
        raise NotYet(
            "The images should be bytes again, from 0 to 255.",
            got=f"numbers from {array.min():.3g} to {array.max():.3g}",
        )
    return torch.from_numpy(np.ascontiguousarray(array.round().astype(np.uint8)))


@functools.cache
def plain(seed: int) -> Tensor:
    """Return, for each held-out image, whether the network without augmentation is right."""
    return right(None, seed)


def right(augment: object, seed: int) -> Tensor:
    images, labels = embedded()
    network = trained(augment, images[:FEW], labels[:FEW], seed)
    held, truth = images[FEW:], labels[FEW:]
    return lc.predict_probabilities(network, held).argmax(1) == truth


@LAB.task(
    "Open: an augmentation of your own",
    hints=(
        "What may change in such a picture so that you would still say the same digit? Its place, "
        "by a pixel or two. What may not?",
        "Your function of task 3 can serve: draw `top` and `left` with `torch.randint(..., "
        "generator=generator)`, and never mirror.",
        "`images.roll((down, across), (2, 3))` by a pixel or two, other numbers at each call, "
        "counts as an answer. Better: each image by its own.",
    ),
    why="With few pictures, what you know about them is worth more than another layer.",
    needs=("q3",),
    seconds=120,
)
def q7(augment: object, draw: Draw) -> str:
    """Any `augment(images, generator)` with which training on 600 digits goes better, in pairs."""
    attempted(augment)
    images = embedded()[0][:FEW]
    state = torch.random.get_rng_state()
    once, again, later = (
        bytes_of(augment, images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    if torch.equal(once, images) and torch.equal(later, images):
        raise NotYet("The images come back as they went in.")
    if not torch.equal(once, again) or not torch.equal(state, torch.random.get_rng_state()):
        raise NotYet(
            "Two generators with the same seed should give the same images. Is `generator` handed "
            "to *every* drawing?"
        )
    if torch.equal(once, later):
        raise NotYet(
            "Every epoch gets the same images: nothing in it is random. Draw with `generator`."
        )
    seed = draw.integer(0, 1)
    before, after = plain(seed).double(), right(augment, seed).double()
    low, high = lc.mean_interval((after - before).tolist())
    words = (
        f"Trained on {FEW} digits in colour, LeNet-5 reads {before.mean():.1%} of {HELD:,} "
        f"pictures of others; with your augmentation {after.mean():.1%}. The difference lies "
        f"between {100 * low:+.1f} and {100 * high:+.1f} points (95 % interval)."
    )
    if high < 0:
        raise NotYet(
            f"{words} It does harm: does it make pictures that no longer look like their class, or "
            "like none that is ever asked about?"
        )
    if low <= 0:
        raise NotYet(f"{words} That is not shown to be better.")
    return words
