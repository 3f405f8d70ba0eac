"""Recipes of training by name: keyword arguments of `fit`."""

from types import MappingProxyType

# LeNet-5 to 99 % on MNIST in a short time, for `fit(..., **FAST)`. Large batches use the processor
# best, and one cycle to a high learning rate makes up for their number. It comes from a trial of
# two seeds; `benchmarks/time_to_99.py --search` compares it with others on validation images.
FAST = MappingProxyType({"epochs": 4, "lr": 0.015, "schedule": "one-cycle", "batch_size": 256})
