"""A network as LeCun et al. (1998) draw theirs in figure 2, from the network itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lenetcourse.data.images import as_inputs, is_image_shape
from lenetcourse.errors import UsageError
from lenetcourse.models.steps import network_steps
from lenetcourse.show.network_blocks import Block, blocks_of
from lenetcourse.show.network_rows import draw_rows
from lenetcourse.show.network_u import draw_u

MOST = 20  # blocks in one drawing


def draw_network(model: nn.Module, image: Tensor) -> Figure:
    """Draw a network with one image running through it, in the order in which it computes.

    `image` is one uint8 image, (h, w) or (3, h, w). The model runs on it once and is left as it
    was; so are torch's random numbers. Convolutions and poolings are stacks of their own feature
    maps (after the activation function; white is the smallest value of a layer, dark its largest),
    their sides to one scale; where not all have room, those with the largest values are drawn, and
    three dots. A square in a map and the lines from it show what one unit of the next map sees.
    Dense layers are columns of shaded cells; the output is a bar for each class (softmax) or an
    image (sigmoid). A network with skip connections is drawn with a level for each size of map, as
    a U where maps grow again, the others in rows. After LeCun et al. (1998), figure 2.

    Raises UsageError for another image, and for a network that does not compute on images or has
    too many steps to be read.
    """
    if image.dtype != torch.uint8 or not is_image_shape((1, *image.shape)):
        raise UsageError(
            f"image must be uint8 of shape (height, width) or (3, height, width), not "
            f"{image.dtype} of shape {tuple(image.shape)}"
        )
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    inputs = as_inputs(image[None].to(device))
    try:
        steps = network_steps(model, inputs)
    except RuntimeError as error:
        name, shape = type(model).__name__, tuple(inputs.shape[1:])
        raise UsageError(f"{name} does not take an image of shape {shape}: {error}") from error
    blocks = blocks_of(steps)
    if len(blocks) > MOST:
        raise UsageError(f"{len(blocks)} steps are too many for one drawing: {MOST} at most")
    depth = _depths(blocks)
    if any(depth[b] != depth[a] + 1 for b in blocks for a in b.inputs):
        return draw_u(blocks)
    slots = [[b for b in blocks if depth[b] == d] for d in range(max(depth.values()) + 1)]
    for block in itertools.chain(*(slot for slot in slots if len(slot) > 1)):
        block.label = "\n".join(filter(None, (block.step.name, block.label)))
    return draw_rows(slots)


def _depths(blocks: Sequence[Block]) -> dict[Block, int]:
    depth: dict[Block, int] = {}
    for block in blocks:
        depth[block] = max((depth[one] + 1 for one in block.inputs), default=0)
    return depth
