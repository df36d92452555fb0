from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from sts.clock import SystemClock
from tests.installed import get_installed
from tests.logins.desk import login_service
from tests.service import Service
from tests.signin.chromium import Window, open_window
from tests.signin.people import Person, make_person


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


@pytest.fixture(scope="module")
def real_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in real time: real clients make their proofs by the machine's clock."""
    with login_service(tmp_path_factory.mktemp("logins"), SystemClock()) as started:
        yield started


@pytest.fixture
def person(real_service: Service) -> Person:
    """Somebody with a device whom policies let use command lines."""
    tenant = real_service.tenant()
    made = make_person(real_service, tenant.account_id, with_device=True)
    policy = {"UserName": made.name, "PolicyArn": "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"}
    assert real_service.call(tenant.key, "AttachUserPolicy", **policy).status == 200
    return made
