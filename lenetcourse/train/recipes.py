"""Recipes of training by name: keyword arguments of `fit`."""

from types import MappingProxyType

# LeNet-5 to 99 % on MNIST in a short time, for `fit(..., **FAST)`. Large batches use the processor
# best, and one cycle to a high learning rate makes up for their number. Of 36 recipes it is one of
# the best with four epochs, by validation images: the table stands in benchmarks/time_to_99.py.
FAST = MappingProxyType({"epochs": 4, "lr": 0.015, "schedule": "one-cycle", "batch_size": 256})
