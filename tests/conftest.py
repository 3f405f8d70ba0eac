"""Fixtures that several files share."""

import os
import sys
import warnings

import pytest
from web.browser import find_chromium

NO_BROWSER = "no page was opened in a browser: there is no Chromium; sudo apt install chromium"


def find_browser():
    """Return the path of a browser; skip the test where there is none, but fail in CI on Linux."""
    path = find_chromium()
    if path is None and os.environ.get("CI") and sys.platform == "linux":
        pytest.fail(NO_BROWSER)
    if path is None:
        warnings.warn(NO_BROWSER, stacklevel=1)
        pytest.skip(NO_BROWSER)
    return path


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
