"""The order in which a batch of images lies in memory."""

import torch
from torch import Tensor


def channels_last(images: Tensor) -> Tensor:
    """Return images (n, channels, h, w) with the same shape, the channels of a pixel side by side.

    The same numbers: only their order in memory is another, and convolution and pooling keep it. On
    a CPU both are faster in that order, because they take the channels of a pixel at once. On other
    devices the images are returned as they are.
    """
    if images.device.type != "cpu":
        return images
    # Not contiguous(memory_format=...): it sees no difference in images of one channel.
    copy = images.movedim(1, -1).clone(memory_format=torch.contiguous_format)
    return copy.movedim(-1, 1)
