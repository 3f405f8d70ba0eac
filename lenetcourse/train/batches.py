"""Batches of whole tensors, for training and for evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError


class Batches:
    """Batches of whole tensors by permutation: faster than one `Dataset` item at a time.

    Iterating gives (inputs, targets). Images that are uint8, (n, h, w) or (n, 3, h, w), become
    float32 (n, channels, h, w) in [0, 1], batch by batch; other inputs pass as they are. With a
    `generator` each pass has a new order; without one the order is that of the tensors. Both
    tensors are moved to `device` once. `augment` changes each batch of inputs at random, with
    numbers from `generator`. Raises UsageError when the lengths differ, when there is nothing in
    them, when `batch_size` is below 1, or when `augment` has no generator.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        batch_size: int = 64,
        generator: torch.Generator | None = None,
        device: str | torch.device = "cpu",
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ) -> None:
        if len(inputs) != len(targets) or not len(inputs):
            raise UsageError(f"{len(inputs)} inputs and {len(targets)} targets make no batches")
        if batch_size < 1:
            raise UsageError(f"batch_size must be at least 1, not {batch_size}")
        if augment is not None and generator is None:
            raise UsageError("augment needs a generator: without one the images are left in order")
        self.augment = augment
        self.inputs, self.targets = inputs.to(device), targets.to(device)
        # A larger one would overflow in torch.
        self.batch_size, self.generator = min(batch_size, len(inputs)), generator

    def __len__(self) -> int:
        return math.ceil(len(self.inputs) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.generator is None:
            order = torch.arange(len(self.inputs))
        else:
            order = torch.randperm(len(self.inputs), generator=self.generator)
        for chosen in order.to(self.inputs.device).split(self.batch_size):
            # index_select: the same rows as inputs[chosen], in a fraction of the time
            inputs = self.inputs.index_select(0, chosen)
            if inputs.dtype == torch.uint8:
                inputs = as_inputs(inputs)
            if self.augment is not None:
                inputs = self.augment(inputs, self.generator)
            yield inputs, self.targets.index_select(0, chosen)
