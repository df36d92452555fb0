"""The first hour, walked: what the page tells to type is typed, from the first account on, with the real AWS CLI."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.places import ROOT
from tests.installed import get_installed
from tests.service import Service, Tenant

PAGE = (ROOT / "docs" / "first-hour.md").read_text(encoding="utf-8")
ADDRESS = "https://sts.example.com:8443"
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _script(service: Service) -> str:
    """Return the blocks from the third section on, in order, as one script."""
    blocks = _BLOCK.findall(PAGE[PAGE.index("\n## 3.") :])
    lines = [body if kind == "sh" else f"python <<'PYTHON'\n{body}PYTHON\n" for kind, body in blocks]
    return "set -euo pipefail\n" + "\n".join(lines).replace(ADDRESS, service.url)


@pytest.fixture
def environment(tmp_path: Path, resident: Tenant) -> dict[str, str]:
    """What the second section leaves on the reader's machine."""
    (tmp_path / "credentials").write_text(
        f"[admin]\naws_access_key_id = {resident.key.access_key_id}\naws_secret_access_key = {resident.key.secret}\n"
    )
    programs = [Path(get_installed("TEST_AWS_V1")).parent, Path(sys.executable).parent]
    return {
        "PATH": ":".join([str(programs[1]), str(programs[0]), os.defpath, "/usr/bin"]),
        "HOME": str(tmp_path),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "NO_PROXY": "127.0.0.1",
    }


def test_the_first_hour_leads_where_it_says(server: Service, resident: Tenant, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", _script(server)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    session = rf"arn:aws:sts::{resident.account_id}:assumed-role/shop-reader/[\w-]+"
    assert re.search(rf"^{session}$", done.stdout, re.MULTILINE)
    assert re.search(r"^2$", done.stdout, re.MULTILINE)  # the administrator and the application
    assert "is not authorized to perform: iam:DeleteUser" in done.stderr
    assert re.search(r"user\.delete\.refused .*identity: no allow", done.stdout)
    assert (
        "(ExpiredToken) when calling the GetCallerIdentity operation" in done.stderr
    )  # with the session that was kept
    assert re.search(rf'"Arn": "{session}"\n}}\s*$', done.stdout)  # of the role that is open again


def test_what_the_page_starts_is_there() -> None:
    for path in re.findall(r"deploy/[\w./-]+\.(?:sh|yaml)", PAGE):
        assert (ROOT / path).is_file(), path
