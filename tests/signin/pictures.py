"""Takes the pictures of all pages in docs/pictures: python -m tests.signin.pictures."""

import random
import tempfile
from itertools import chain
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from sts.clock import ManualClock
from sts.entropy import Entropy
from tests.conftest import BEGINNING
from tests.installed import get_installed
from tests.service import Service, Tenant, running
from tests.signin.administration import walk_account, walk_providers, walk_users
from tests.signin.chromium import Window, open_window
from tests.signin.walk import walk, walk_audit, walk_factors, walk_home

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
ACCOUNT_ID = "123456789012"
# What is drawn for a picture is drawn alike each time, and is nobody's secret.
EXAMPLE = Entropy(random.Random(20260302).randbytes)  # noqa: S311
_COLOURS = 64  # of text on paper: a picture of more is three times as large


def take_pictures(service: Service, tenant: Tenant, clock: ManualClock, window: Window) -> None:
    """Take a picture of every page, at each width."""
    FOLDER.mkdir(exist_ok=True)
    walks = walk(service, tenant, clock, window), walk_factors(service, tenant, clock, window)
    others = walk_home(service, tenant, window), walk_audit(service, tenant, window)
    administered = walk_users(service, tenant, clock, window), walk_account(service, tenant, clock, window)
    providers = walk_providers(service, tenant, clock, window)
    for name in chain(*walks, *others, *administered, providers):
        window.take_pictures(FOLDER, name)


def main() -> None:
    """Take all pictures, and make them small."""
    clock = ManualClock(BEGINNING)
    with (
        tempfile.TemporaryDirectory() as home,
        running(Path(home), clock, EXAMPLE) as service,
        sync_playwright() as playwright,
    ):
        launched = playwright.chromium.launch(executable_path=get_installed("TEST_CHROMIUM"), args=["--no-sandbox"])
        with open_window(launched) as window:
            take_pictures(service, service.tenant(ACCOUNT_ID), clock, window)
        launched.close()
    for picture in FOLDER.glob("*.png"):
        Image.open(picture).quantize(_COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main()
