"""The parts of every data set, in the order in which they are named everywhere."""

SPLITS = ("train", "validation", "test")
