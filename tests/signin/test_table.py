"""The table of pages."""

from dataclasses import replace
from pathlib import Path

import pytest

from sts.errors import MethodUnsupported, OperationUnknown
from sts.sessions import Step
from sts.signin.pages import PAGES
from sts.signin.row import Proof
from sts.signin.table import PAGE_OF_STEP, Table, parse_goal
from tests.signin.offered import needs_session, read_pages


def test_pages_are_counted_under_the_names_of_the_table(home: Path) -> None:
    assert sorted(page.name for page in read_pages(home)) == sorted(PAGES)


def test_every_step_has_a_page_that_is_shown_at_that_step_alone(home: Path) -> None:
    shown = {page.path: page for page in read_pages(home) if page.method == "GET"}
    for step in (Step.FACTOR, Step.NEW_PASSWORD, Step.ENROLMENT):
        assert shown[PAGE_OF_STEP[step]].step is step
    for page in read_pages(home):
        assert (page.proof is Proof.FLOW) == (page.step is not None)


def test_a_step_without_a_flow_and_a_flow_without_a_step_are_no_rows(home: Path) -> None:
    pages = {page.name: page for page in read_pages(home)}
    with pytest.raises(ValueError, match="ShowHome: a step belongs to a flow"):
        replace(pages["ShowHome"], step=Step.FACTOR)
    with pytest.raises(ValueError, match="ShowCode: a step belongs to a flow"):
        replace(pages["ShowCode"], step=None)


def test_every_form_goes_back_to_a_page(home: Path) -> None:
    shown = {page.path for page in read_pages(home) if page.method == "GET"}
    assert {page.back for page in read_pages(home)} <= shown


def test_whatever_is_done_is_recorded(home: Path) -> None:
    assert [page.name for page in read_pages(home) if page.method == "POST" and page.event is None] == []


def test_only_who_is_signed_in_is_asked_what_they_may(home: Path) -> None:
    for page in read_pages(home):
        assert needs_session(page) or page.demands.__name__ == "demand_nothing", page.name


def test_two_pages_at_one_address_do_not_start(home: Path) -> None:
    pages = read_pages(home)
    assert len(Table.compile(pages).pages) == len(pages)
    with pytest.raises(ValueError, match="two pages at"):
        Table.compile([*pages, *read_pages(home)])


@pytest.mark.parametrize(
    "path", ["/ui/nowhere", "/ui/sign-in/", "/UI/", "/ui//", "/ui/sign%2Din", "/ui/link/{}", "/ui/sign-in;x"]
)
def test_a_page_has_one_spelling(home: Path, path: str) -> None:
    with pytest.raises(OperationUnknown):
        Table.compile(read_pages(home)).get("GET", path)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
def test_a_page_is_shown_and_sent_to_and_nothing_else(home: Path, method: str) -> None:
    with pytest.raises(MethodUnsupported):
        Table.compile(read_pages(home)).get(method, "/ui/sign-in")


@pytest.mark.parametrize("goal", ["/ui/", "/ui/again", "/ui/authorize/abc_D-1", "/ui/a/b/", "/ui/link/a.b"])
def test_o_02_a_path_of_our_own_pages_is_a_goal(goal: str) -> None:
    assert parse_goal(goal) == goal


@pytest.mark.parametrize(
    "goal",
    [
        "",
        "/",
        "/ui",
        "/api/x",
        "//evil.example",
        "/ui//evil.example",
        "/\\evil.example",
        "/ui/..",
        "/ui/../api",
        "/ui/a/.b",
        "/ui/a?b",
        "/ui/a#b",
        "/ui/%2e%2e",
        "/ui/a\r\nb",
        "/ui/a\n",
        "https://evil.example/ui/",
        "javascript:alert(1)",
        "/ui/" + "a" * 2_000,
        "/ui/" + "a" * 1_000 + "!",
    ],
)
def test_o_02_nothing_else_is(goal: str) -> None:
    assert parse_goal(goal) == "/ui/"
