"""Every link of the documentation leads to a file, and to a heading in it where it names one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def _anchors(page: Path) -> set[str]:
    """Return what the headings of *page* are called in links, as GitHub makes it of them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        led = page.parent / target if target else page
        assert led.exists(), target
        assert not anchor or anchor in _anchors(led), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_deployment_that_is_named_is_there(page: Path) -> None:
    for named in re.findall(r"`(deploy/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / named).exists() or named == "deploy/compose/secrets/certificate", named
