"""Read the pickles of CIFAR-10 without running them.

A pickle is a program: `pickle.load` calls whatever functions its bytes name, so whoever can change
such a file runs code of his own on the machine of everybody who opens it. The md5 of the archive
helps only as long as it is the archive that is read, and compared; here it need not be trusted.

`pickletools.genops` takes the program apart into its instructions and runs none of them. `Builder`
follows the few that build dicts, lists and tuples. Where NumPy's functions would make an array, it
writes down what they would be given; every other function, and every other instruction, is refused.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field

import numpy as np

from lenetcourse.errors import DatasetError

SIDE = 32
PIXELS = 3 * SIDE * SIDE
MOST_IMAGES = 10_000  # in a batch
MOST_STEPS = 100_000  # instructions: a batch takes about 30,000, two a file name and one a label
FUNCTIONS = {  # the only names in the batches, and the first as NumPy 2 would write it
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy ndarray",
    "numpy dtype",
}


def read_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, uint8 (n, 3, 32, 32), and labels, int64 (n,), of one pickled batch.

    Raises DatasetError when the bytes are not a dict with an array of bytes and a list of labels,
    pickled as Python 2 and NumPy did it, with protocol 2.
    """
    try:
        builder = Builder()
        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if count == MOST_STEPS:
                raise DatasetError("too many instructions")
            builder.step(opcode.name, argument)
        (batch,) = builder.stack
        labels = np.array([_label(label) for label in batch["labels"]], np.int64)
        pixels = np.frombuffer(_pixel_bytes(batch["data"], len(labels)), np.uint8)
    except DatasetError as error:
        raise DatasetError(f"not a batch of CIFAR-10: {error}") from None
    # Of anything that the instructions do not fit together for, or that is not as it should be.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise DatasetError(f"not a batch of CIFAR-10 ({error!r:.80})") from None
    return pixels.reshape(-1, 3, SIDE, SIDE), labels


@dataclass
class Call:
    """What a function would be given, and then the state of its result; it is never called."""

    function: str
    arguments: tuple
    state: object = None


@dataclass
class Builder:
    """Follows the instructions of a pickle, as pickletools names and explains them.

    Attributes:
        stack: what was built and not used yet.
        marks: heights of the stack at which a list or a tuple begins.
        memo: what may be used again, by its number.
    """

    stack: list = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def step(self, name: str, argument: object) -> None:
        """Follow one instruction. Raises DatasetError for one that no batch needs."""
        if name in ("SHORT_BINSTRING", "BINSTRING", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES"):
            self.stack.append(_text(argument))
        elif name in ("BININT", "BININT1", "BININT2"):
            self.stack.append(argument)
        elif name in ("NONE", "NEWTRUE", "NEWFALSE"):
            self.stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            self.stack.append({"DICT": {}, "LIST": [], "TUPLE": ()}[name[6:]])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name not in ("PROTO", "STOP"):
            self._join(name, argument)

    def _join(self, name: str, argument: object) -> None:
        """Follow an instruction that puts together what lies on the stack, or names a function."""
        if name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            self.stack.append(tuple(self._above(len(self.stack) - int(name[-1]))))
        elif name == "TUPLE":
            self.stack.append(tuple(self._above(self.marks.pop())))
        elif name in ("APPEND", "APPENDS"):
            items = self._above(len(self.stack) - 1 if name == "APPEND" else self.marks.pop())
            self.stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._above(len(self.stack) - 2 if name == "SETITEM" else self.marks.pop())
            # Strings only: the hash of a tuple in a tuple, and so on, could overflow the C stack.
            self.stack[-1].update(zip(map(_key, items[::2]), items[1::2], strict=True))
        elif name == "GLOBAL" and argument in FUNCTIONS:
            self.stack.append(Call(argument, ()))
        elif name == "REDUCE":
            function, arguments = self._above(len(self.stack) - 2)
            self.stack.append(Call(function.function, arguments))
        elif name == "BUILD":
            (state,) = self._above(len(self.stack) - 1)
            self.stack[-1].state = state
        else:
            named = f" of {str(argument)!r:.60}" if name == "GLOBAL" else ""
            raise DatasetError(f"the instruction {name}{named} has no place in it")

    def _above(self, height: int) -> list:
        """Take what lies on the stack above `height`."""
        if not 0 <= height <= len(self.stack):
            raise IndexError("less on the stack than is taken from it")
        taken = self.stack[height:]
        del self.stack[height:]
        return taken


def _text(value: str | bytes) -> str:
    # Python 2's strings are bytes; pickletools gives them as Latin-1, one character a byte.
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise DatasetError("a key of the dict is no string")
    return value


def _label(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 9:
        raise DatasetError("a label is no number from 0 to 9")
    return value


def _pixel_bytes(array: Call, count: int) -> bytes:
    """Return the bytes of a NumPy array of `count` images that a pickle would make."""
    version, shape, dtype, is_fortran, content = array.state
    if not array.function.endswith(" _reconstruct") or (version, is_fortran) != (1, False):
        raise DatasetError("data is no array in C order")
    if dtype.function != "numpy dtype" or dtype.arguments[0] != "u1":
        raise DatasetError("data is no array of bytes")
    if shape != (count, PIXELS) or count > MOST_IMAGES or len(content) != count * PIXELS:
        raise DatasetError(f"data is not {count} images of {PIXELS} bytes, one for each label")
    return content.encode("latin-1")
