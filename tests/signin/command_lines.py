"""Command lines that people let in with Chromium: how one is begun, let in on the pages, and ends."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.aws.cli import Cli
from tests.faults.processes import wait_until
from tests.service import REGION, Service
from tests.signin.chromium import Window
from tests.signin.people import Person


def make_cli(program: str, home: Path, service: Service) -> Cli:
    """Return *program* in a home without a key, whose browser tells where it was sent, and returns at once."""
    browser = home / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {home}/opened.part && mv {home}/opened.part {home}/opened\n')
    browser.chmod(0o755)
    environment = {
        "AWS_ENDPOINT_URL": service.settings.issuer,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "AWS_DEFAULT_OUTPUT": "json",
        "BROWSER": f"{browser} %s &",
    }
    return Cli(program, home, environment)


@contextmanager
def logging_in(cli: Cli, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run `login`, which is ended with the context."""
    with subprocess.Popen(
        [cli.program, "login", *words],
        env={"PATH": "/usr/bin:/bin", "HOME": str(cli.home), **cli.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def open_browser(cli: Cli, login: "subprocess.Popen[str]") -> str:
    """Return the address that the CLI opened its browser at."""
    opened = cli.home / "opened"
    wait_until(lambda: opened.exists() or login.poll() is not None, seconds=60)
    assert login.poll() is None, login.communicate()
    return opened.read_text(encoding="utf-8").strip()


def sign_in(window: Window, person: Person, address: str) -> None:
    """Open *address*, and sign in on the pages that it leads to."""
    window.open(address)
    assert window.path == "/ui/sign-in"
    window.fill(Account=person.account_id, User_name=person.name, Password=person.password)
    window.press("Sign in")
    window.fill(Code=person.code())
    window.press("Go on")
    assert window.heading == "Let a command line in?"


def end(login: "subprocess.Popen[str]", typed: str | None = None) -> str:
    """Wait for the end of a login that was let in, and return what it says."""
    told, fault = login.communicate(typed, timeout=60)
    assert login.returncode == 0, fault
    return told
