"""Batches of whole tensors, for training and for evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor


class Batches:
    """Batches of whole tensors by permutation: faster than one `Dataset` item at a time.

    Iterating gives (inputs, targets). Images that are uint8 (n, height, width) become float32
    (n, 1, height, width) in [0, 1], batch by batch; other inputs pass as they are. With a
    `generator` each pass has a new order; without one the order is that of the tensors. Both
    tensors are moved to `device` once. `augment` changes each batch of inputs at random, with
    numbers from `generator`. Raises ValueError when the lengths differ, when there is nothing in
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
    ):
        if len(inputs) != len(targets) or not len(inputs):
            raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets make no batches")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        if augment is not None and generator is None:
            raise ValueError("augment needs a generator: without one the images are left in order")
        self.augment = augment
        self.inputs, self.targets = inputs.to(device), targets.to(device)
        self.batch_size, self.generator = batch_size, generator

    def __len__(self) -> int:
        return math.ceil(len(self.inputs) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.generator is None:
            order = torch.arange(len(self.inputs))
        else:
            order = torch.randperm(len(self.inputs), generator=self.generator)
        for chosen in order.to(self.inputs.device).split(self.batch_size):
            inputs = self.inputs[chosen]
            if inputs.dtype == torch.uint8:
                inputs = inputs.unsqueeze(1).float() / 255
            if self.augment is not None:
                inputs = self.augment(inputs, self.generator)
            yield inputs, self.targets[chosen]
