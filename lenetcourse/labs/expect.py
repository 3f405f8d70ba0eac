"""What a check says of an answer: the comparison, and the sentence that goes with it.

A check calls the answer with `call` or `keeps` and compares with `same`. All raise `NotYet`, which
holds what a reader needs to go on; an answer that is right raises nothing.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

BLANK = ...  # what stands in the notebook where an answer belongs
ARRAYS = (torch.Tensor, np.ndarray)
SHOWN_NUMBERS = 36  # an array with more is told by its shape


class NotAttempted(Exception):
    """The blank is still as it was handed out."""


class NotYet(Exception):
    """The answer is not right yet: why, and an input for which it is not, where there is one."""

    def __init__(
        self, message: str, *, given: object = None, expected: object = None, got: object = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.given, self.expected, self.got = (
            None if value is None else describe(value) for value in (given, expected, got)
        )


def describe(value: object) -> str:
    """Return `value` in a few words: small arrays in full, large ones by their shape."""
    if isinstance(value, str):
        return value
    if isinstance(value, ARRAYS):
        return _describe_array(as_array(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _describe_array(array: np.ndarray) -> str:
    if array.ndim == 0:
        return describe(array.item())
    shape = f"shape {tuple(array.shape)}"
    if array.size > SHOWN_NUMBERS:
        return shape
    numbers = np.array2string(array, precision=4, suppress_small=True, separator=", ")
    return f"{shape}\n{numbers}" if array.ndim > 1 else f"{numbers}, {shape}"


def blank(value: object) -> bool:
    """Return whether `value` is, or holds, a blank that was not filled in."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return any(blank(part) for part in value)
    return value is BLANK


def attempted(*values: object) -> None:
    """Raise NotAttempted when one of `values` is a blank."""
    if blank(values):
        raise NotAttempted


def call(function: object, *inputs: object, **options: object) -> object:
    """Return what the answer `function` makes of `inputs`; tensors are handed over as copies.

    Raises NotAttempted when it gives back a blank, NotYet when it cannot be called or gives None.
    What the answer itself raises goes through, with the inputs as `lab_inputs`.
    """
    return _called(function, [_copy(value) for value in inputs], inputs, options)


def keeps(function: object, *inputs: object, says: Sequence[str]) -> object:
    """Return what `call` does. Raises NotYet when a tensor or array that came in was changed.

    `says` has a sentence for each of them, in the order of the inputs.
    """
    handed = [value.copy() if isinstance(value, np.ndarray) else _copy(value) for value in inputs]
    result = _called(function, handed, inputs, {})
    before, after = ([as_array(v) for v in vs if isinstance(v, ARRAYS)] for vs in (inputs, handed))
    for sentence, was, now in zip(says, before, after, strict=True):
        if not np.array_equal(was, now):
            was, now = _apart(now, was, 0)
            raise NotYet(sentence, expected=f"the input as it was, {describe(was)}", got=now)
    return result


def _called(
    function: object, handed: Sequence[object], inputs: tuple, options: Mapping[str, object]
) -> object:
    """Return what `function` makes of what is handed over; errors tell `inputs`, as they were."""
    attempted(function)
    if not callable(function):
        raise NotYet(
            "A function is wanted here, without calling it: its name, with no brackets.",
            got=f"{describe(function)}, which is {a_kind(function)}",
        )
    named = _named_inputs(function, inputs, options)
    try:
        result = function(*handed, **options)
    except Exception as error:
        with contextlib.suppress(Exception):  # an error that cannot be told more about
            error.lab_inputs = "\n".join(f"{n} = {describe(v)}" for n, v in named.items())
        raise
    attempted(result)
    if result is None:
        name = getattr(function, "__name__", type(function).__name__)
        raise NotYet(f"`{name}` gives back None: is its `return` missing?", got="None")
    return result


def _named_inputs(
    function: Callable, inputs: tuple, options: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the inputs by the names that `function` has for them.

    Raises NotYet when it takes another number of inputs.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # some functions written in C have none
        return {f"input {place}": value for place, value in enumerate(inputs, 1)} | dict(options)
    try:
        return signature.bind(*inputs, **options).arguments
    except TypeError:
        count = len(inputs) + len(options)
        name = getattr(function, "__name__", type(function).__name__)
        raise NotYet(
            f"`{name}` cannot be called with the inputs that the task names.",
            expected=f"a function of {count} input{'' if count == 1 else 's'}",
            got=f"{name}{signature}",
        ) from None


def _copy(value: object) -> object:
    return value.clone() if isinstance(value, torch.Tensor) else value


def a_kind(value: object) -> str:
    """Return what kind of thing `value` is: 'a list', 'a torch tensor', ..."""
    if isinstance(value, torch.Tensor):
        return "a torch tensor"
    if isinstance(value, np.ndarray):
        return "a NumPy array"
    if isinstance(value, type):
        return "a class"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def as_array(value: object, what: str = "The result") -> np.ndarray:
    """Return numbers of any kind - tensor on any device, array, list, number - as a NumPy array.

    Raises NotYet when `value` holds no numbers.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).resolve_conj().numpy()
    try:
        if isinstance(value, (list, tuple)):
            value = [as_array(part, what) for part in value]
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise NotYet(f"{what} should be numbers or a tensor of numbers.", got=a_kind(value))
    return array


def of_shape(
    value: object, shape: tuple[int, ...], what: str, given: object = None, *, says: str = ""
) -> np.ndarray:
    """Return numbers of this shape as an array. Raises NotYet, with the words of `says` if any."""
    found = as_array(value, what)
    if found.shape != tuple(shape):
        raise NotYet(
            says or f"{what} has the wrong shape.",
            given=given,
            expected=f"shape {tuple(shape)}",
            got=f"shape {found.shape}",
        )
    return found


def parts(answer: object, count: int, sentence: str, *, stacked: bool = False) -> tuple:
    """Return the `count` parts of an answer; a row of numbers has parts as a tuple has.

    With `stacked`, so has an array of more dimensions. Raises NotYet with `sentence`.
    """
    row = isinstance(answer, ARRAYS) and (answer.ndim == 1 or (stacked and answer.ndim > 1))
    found = tuple(answer) if row else answer
    if not isinstance(found, (tuple, list)) or len(found) != count:
        raise NotYet(sentence, got=answer)
    attempted(*found)
    return tuple(found)


def same(
    got: object,
    expected: object,
    *,
    given: object = None,
    what: str = "The result",
    traps: Mapping[str, object] | None = None,
    tolerance: float = 1e-4,
) -> None:
    """Compare numbers: the shape first, then every value, with room for rounding.

    `traps` names results of typical mistakes: the sentence to say -> what the mistake gives.
    `tolerance` is relative to the largest expected number, where that is above 1; whole numbers
    must be met exactly. Raises NotYet.
    """
    found, wanted = as_array(got, what), as_array(expected)
    for sentence, wrong in (traps or {}).items():
        if _equal(found, as_array(wrong), tolerance) and not _equal(found, wanted, tolerance):
            expected, told = _apart(found, wanted, tolerance)
            raise NotYet(sentence, given=given, expected=expected, got=told)
    if found.shape != wanted.shape:
        raise NotYet(
            f"{what} has the wrong shape.",
            given=given,
            expected=_shape_words(wanted),
            got=_shape_words(found),
        )
    if not _equal(found, wanted, tolerance):
        _raise_difference(found, wanted, given, what, tolerance)


def _shape_words(array: np.ndarray) -> str:
    return f"shape {tuple(array.shape)}" if array.ndim else f"one number, {describe(array)}"


def _close(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> np.ndarray:
    if wanted.dtype.kind in "biu":
        tolerance = 0
    size = max(1.0, float(np.abs(wanted).max(initial=0)))
    return np.isclose(
        found.astype(np.float64), wanted.astype(np.float64), rtol=0, atol=tolerance * size
    )


def _equal(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    return found.shape == wanted.shape and bool(_close(found, wanted, tolerance).all())


def _raise_difference(
    found: np.ndarray, wanted: np.ndarray, given: object, what: str, tolerance: float
) -> None:
    if wanted.ndim == 0:
        raise NotYet(f"{what} is another number.", given=given, expected=wanted, got=found)
    wrong = np.argwhere(~_close(found, wanted, tolerance))
    place = tuple(int(index) for index in wrong[0])
    if not np.isfinite(found[place]):
        what_is = f"{what} holds {found[place]}, at {list(place)}."
    else:
        what_is = (
            f"{what} has the right shape, but {len(wrong)} of its {wanted.size} values "
            f"{'is' if len(wrong) == 1 else 'are'} wrong; the first is at {list(place)}."
        )
    expected, told = _apart(found, wanted, tolerance)
    raise NotYet(what_is, given=given, expected=expected, got=told)


def _apart(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> tuple[object, object]:
    """Return what to show of two arrays: all of small ones, else the first place that differs."""
    if found.shape != wanted.shape or not wanted.ndim or wanted.size <= SHOWN_NUMBERS:
        return wanted, found
    place = tuple(int(index) for index in np.argwhere(~_close(found, wanted, tolerance))[0])
    return tuple(f"{describe(array[place].item())} at {list(place)}" for array in (wanted, found))


def one_of(answer: object, allowed: tuple[object, ...], what: str = "The answer") -> None:
    """Raise NotYet when a written answer is none of those that make sense."""
    attempted(answer)
    if isinstance(answer, str):
        answer = answer.strip().lower()
    if not any(type(answer) is type(choice) and answer == choice for choice in allowed):
        wanted = ", ".join(map(repr, allowed))
        raise NotYet(f"{what} should be one of {wanted}.", got=answer)


def whole_number(answer: object, what: str = "The answer") -> int:
    """Return a whole number, however it came: int, float without a fraction, tensor of one."""
    attempted(answer)
    array = as_array(answer, what)
    if array.size != 1 or array.dtype.kind == "b" or float(array.reshape(-1)[0]) % 1:
        raise NotYet(f"{what} should be one whole number.", got=answer)
    return int(array.reshape(-1)[0])
