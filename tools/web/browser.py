"""The browser in which the pages are tried: a Chromium of this machine."""

import shutil

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the path of the first that there is, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)
