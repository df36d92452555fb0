"""The logins of somebody, as they and administrators see them on pages, and end them there."""

from datetime import timedelta
from pathlib import Path

from sts.clock import ManualClock
from tests.logins.desk import Answer, CommandLine, LoginDesk, login_service, open_desk
from tests.signin.administrators import make_administrator, records
from tests.signin.browsing import Seen
from tests.signin.people import Person, make_person

SESSIONS, USER = "/ui/sessions", "/ui/users/carol"
ENDED = (401, "AccessDeniedException", "TOKEN_EXPIRED")


def settle(desk: LoginDesk, name: str = "carol") -> tuple[Person, LoginDesk]:
    """Make somebody with a password who may log in at a command line, and a desk of theirs."""
    person = make_person(desk.service, desk.tenant.account_id, name)
    policy = "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"
    assert desk.service.call(desk.tenant.key, "AttachUserPolicy", UserName=name, PolicyArn=policy).status == 200
    return person, LoginDesk(desk.service, desk.tenant, name)


def log_in(at: LoginDesk) -> tuple[CommandLine, Answer]:
    command_line = at.command_line()
    return command_line, at.log_in(command_line)


def ends(page: Seen) -> list[str]:
    """Return the addresses of the forms of the page that end a login."""
    return [action for action in page.actions() if action.startswith(f"{SESSIONS}/end-login/")]


def is_accepted(desk: LoginDesk, answer: Answer) -> bool:
    return desk.service.call(answer.key, "GetCallerIdentity", "sts").status == 200


def test_s_10_a_command_line_is_listed_and_ended_by_whoever_let_it_in(desk: LoginDesk) -> None:
    carol, at = settle(desk)
    (lost, lost_answer), (kept, kept_answer) = log_in(at), log_in(at)
    browser, _ = carol.sign_in()
    page = browser.get(SESSIONS)
    assert page.text.count("Let in 2026-03-02 12:00 UTC") == 2
    assert "from 192.0.2.7" in page.text
    _, first = ends(page)  # the latest is shown first
    page = browser.go(page, first)
    assert len(ends(page)) == 1
    assert not is_accepted(desk, lost_answer)
    assert lost.refresh(lost_answer.refresh_token).error == ENDED
    assert is_accepted(desk, kept_answer)
    assert kept.refresh(kept_answer.refresh_token).status == 200
    (record,) = records(desk.service, desk.tenant, action="login.end", limit="1")
    assert (record["operation"], record["parameters"]) == ("signin:EndLogin", {"login": first.rpartition("/")[2]})


def test_z_02_nobody_ends_a_command_line_of_somebody_else(desk: LoginDesk) -> None:
    (carol, at), (dave, his) = settle(desk), settle(desk, "dave")
    log_in(his)
    command_line, answer = log_in(at)
    (hers,) = ends(carol.sign_in()[0].get(SESSIONS))
    browser, _ = dave.sign_in()
    page = browser.get(SESSIONS)
    (own,) = ends(page)
    assert browser.ask("POST", hers, form=page.form(own)).status == 404
    assert command_line.refresh(answer.refresh_token).status == 200


def test_a_code_is_listed_for_as_long_as_it_can_be_used(desk: LoginDesk, clock: ManualClock) -> None:
    carol, at = settle(desk)
    at.approve(at.command_line())
    browser, _ = carol.sign_in()
    assert "its code is still to be used" in browser.get(SESSIONS).text
    clock.tick(timedelta(minutes=1, seconds=1))
    assert ends(browser.get(SESSIONS)) == []


def test_s_10_all_but_this_browser_ends_though_no_other_is_listed(desk: LoginDesk, clock: ManualClock) -> None:
    carol, at = settle(desk)
    command_line, answer = log_in(at)
    clock.tick(timedelta(hours=2))  # nobody has used its browser for too long, but what it let in goes on
    refreshed = command_line.refresh(answer.refresh_token)
    browser, _ = carol.sign_in()
    page = browser.get(SESSIONS)
    assert page.text.count("Last used") == 1
    page = browser.go(page, f"{SESSIONS}/end-others")
    assert (page.path, ends(page)) == (SESSIONS, [])
    assert not is_accepted(desk, refreshed)
    assert command_line.refresh(refreshed.refresh_token).error == ENDED


def test_s_10_an_administrator_sees_command_lines_and_ends_them(desk: LoginDesk) -> None:
    _, at = settle(desk)
    command_line, answer = log_in(at)
    boss = make_administrator(desk.service, desk.tenant)
    page = boss.get(USER)
    assert "192.0.2.7" in page.text.partition("Command lines")[2]
    page = boss.go(page, "/ui/users/end-sessions/carol")
    assert "192.0.2.7" not in page.text
    assert not is_accepted(desk, answer)
    assert command_line.refresh(answer.refresh_token).error == ENDED


def test_an_administrator_ends_a_command_line_whose_browser_s_time_is_over(home: Path, clock: ManualClock) -> None:
    with login_service(home, clock, STS_SESSION_SECONDS="3600") as service:
        desk = open_desk(service)
        command_line, answer = log_in(desk)
        clock.tick(timedelta(hours=1, seconds=1))
        refreshed = command_line.refresh(answer.refresh_token)
        boss = make_administrator(service, desk.tenant)
        boss.go(boss.get("/ui/users/alice"), "/ui/users/end-sessions/alice")
        assert not is_accepted(desk, refreshed)
        assert command_line.refresh(refreshed.refresh_token).error == ENDED


def test_what_is_over_is_not_listed(desk: LoginDesk, clock: ManualClock) -> None:
    carol, at = settle(desk)
    log_in(at)
    browser, _ = carol.sign_in()
    clock.tick(timedelta(minutes=1))
    boss = make_administrator(desk.service, desk.tenant)
    page = boss.go(boss.get(USER), "/ui/users/disable/carol")
    page = boss.go(page, "/ui/users/enable/carol")
    browser, _ = carol.sign_in()
    own = browser.get(SESSIONS)
    assert ends(own) == []
    assert own.text.count("Last used") == 1
    clock.tick(timedelta(hours=1, minutes=1))
    boss = make_administrator(desk.service, desk.tenant, name="chief")
    assert "127.0.0.1" not in boss.get(USER).text
