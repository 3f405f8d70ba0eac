"""The errors that a reader can cause or meet, apart from Python's own OSError.

Every error class of the course is a `CourseError` and keeps its built-in base, too, so that callers
may catch either. The command shows these in one line; anything else is a bug and keeps its
traceback.
"""


class CourseError(Exception):
    """Something outside the library's code is wrong; the message says what, where and what to do.

    The base of DatasetError, IDXError, PictureError, WeightsError and the others.
    """


class UsageError(CourseError, ValueError):
    """An argument is unknown or out of range; the message names the ones that are allowed."""


class DatasetError(CourseError, RuntimeError):
    """A data set is not to be had, or its files are not what they should be."""
