"""What is wrong with a Python that cannot make the course's environment, in one clear line.

Written for any Python, also one far too old for the course: no f-strings.
"""

import sys

OLDEST = (3, 10)


def complaint(version, has_venv):
    """Return what is wrong with a Python of `version` (a tuple), or None when it will do."""
    found = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) < OLDEST:
        return (
            "the course needs Python 3.10 or newer, and %s is Python %s: "
            "name another one, for example make PYTHON=python3.12 book, "
            "or on Windows py -3.12 tools\\do.py book" % (sys.executable, found)
        )
    if not has_venv:
        return (
            "Python %s cannot make virtual environments (no venv or ensurepip): "
            "on Debian and Ubuntu run sudo apt install python3-venv, then try again" % found
        )
    return None


def can_make_venv():
    """Return whether the modules behind `python -m venv` are installed."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True
