from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.installed import get_installed
from tests.signin.chromium import Window, open_window


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, which the tests of a module share: while it runs, its thread has a running event loop."""
    with sync_playwright() as playwright:
        # Root has no sandbox, and the machines that run tests are root's.
        launched = playwright.chromium.launch(
            executable_path=get_installed("TEST_CHROMIUM"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    """A window of a browser that has never been here."""
    with open_window(chromium) as opened:
        yield opened


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe, which looks at a page for what keeps people out."""
    return (Path(get_installed("TEST_NODE_MODULES")) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
