"""The users of an account on administrators' pages, as a browser sees them."""

from datetime import timedelta

import pytest

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow
from tests.signin.administrators import DEEDS, make_administrator, records
from tests.signin.browsing import Browser
from tests.signin.people import PASSWORD, Person, make_person
from tests.signin.test_links import choose, make_link

USERS = "/ui/users"
LATER = timedelta(minutes=15, seconds=1)


@pytest.fixture
def boss(service: Service, tenant: Tenant) -> Browser:
    return make_administrator(service, tenant)


@pytest.fixture
def alice(service: Service, tenant: Tenant) -> Person:
    return make_person(service, tenant.account_id)


def lock(alice: Person) -> None:
    for _ in range(12):
        Person(alice.service, alice.user, "not her password").enter_password(Browser(alice.service))


def post(browser: Browser, place: str, name: str = "alice") -> tuple[int, str]:
    """Send a form of the user's page whether or not the page has it."""
    token = browser.get("/ui/").form("/ui/sign-out")["token"]
    seen = browser.ask("POST", f"{USERS}/{place}/{name}", form={"token": token})
    return seen.status, seen.location or seen.text


def test_the_list_tells_how_each_user_stands(
    boss: Browser, alice: Person, service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    make_person(service, tenant.account_id, "carol", with_device=True)
    service.call(tenant.key, "CreateAccessKey", UserName="carol")
    alice.sign_in()
    lock(alice)
    clock.tick(timedelta(minutes=1))
    page = boss.get(USERS)
    told = {part.split("</a>")[0]: part for part in page.html.split(f'<a href="{USERS}/')[1:]}
    row = {name.partition(">")[2]: text for name, text in told.items()}
    assert set(row) == {"admin", "alice", "boss", "carol"}
    assert "Locked" in row["alice"]
    assert "2026-03-02 12:00 UTC" in row["alice"]
    assert "Password and code" in row["carol"]
    assert "0 days old" in row["carol"]
    assert "No password" in row["admin"]
    assert len(page.html.encode()) < 30_000


def test_the_last_sign_in_is_one_that_came_to_its_end_by_password_or_link(
    boss: Browser, service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    carol = make_person(service, tenant.account_id, "carol", with_device=True)
    dave = make_person(service, tenant.account_id, "dave")
    carol.enter_password(Browser(service))  # and shows no code
    never = "<dt>Last sign-in</dt><dd>Never</dd>"
    assert never in boss.get(f"{USERS}/carol").html
    carol.sign_in()
    clock.tick(timedelta(minutes=1))
    carol.enter_password(Browser(service))
    assert "<dt>Last sign-in</dt><dd>2026-03-02 12:00 UTC</dd>" in boss.get(f"{USERS}/carol").html
    path, browser = make_link(service, dave), Browser(service)
    assert never in boss.get(f"{USERS}/dave").html
    assert choose(browser, browser.get(path), path).path == "/ui/"
    assert "<dt>Last sign-in</dt><dd>2026-03-02 12:01 UTC</dd>" in boss.get(f"{USERS}/dave").html


def test_the_list_comes_in_pages_and_is_searched_by_a_part_of_a_name(
    boss: Browser, service: Service, tenant: Tenant
) -> None:
    for number in range(30):
        service.call(tenant.key, "CreateUser", UserName=f"robot-{number:02}@x+y=z,1")
    first = boss.get(USERS)
    assert len(first.html.encode()) < 30_000
    (more,) = [link for link in first.links if "after=" in link]
    second = boss.get(more)
    names = [link for page in (first, second) for link in page.links if link.startswith(f"{USERS}/")]
    assert len(names) == len(set(names)) == 32
    found = boss.get(f"{USERS}?name=BOT-07")
    assert [link for link in found.links if link.startswith(f"{USERS}/")] == [f"{USERS}/robot-07@x+y=z,1"]
    assert "robot-07" in boss.get(f"{USERS}/robot-07@x+y=z,1").text
    assert "no such user" in boss.get(f"{USERS}?name=nobody").text
    assert boss.get(f"{USERS}?name=%00").status == 400


@pytest.mark.usefixtures("alice")
def test_the_page_of_a_user_tells_what_it_may_and_through_which_group(
    boss: Browser, service: Service, tenant: Tenant
) -> None:
    policies, own = "arn:aws:iam::aws:policy", f"arn:aws:iam::{tenant.account_id}:policy"
    for action, parameters in (
        ("CreatePolicy", {"PolicyName": "fence", "PolicyDocument": allow("s3:*")}),
        ("PutUserPermissionsBoundary", {"UserName": "alice", "PermissionsBoundary": f"{own}/fence"}),
        ("AttachUserPolicy", {"UserName": "alice", "PolicyArn": f"{policies}/IAMReadOnlyAccess"}),
        ("PutUserPolicy", {"UserName": "alice", "PolicyName": "shelf", "PolicyDocument": allow("s3:GetObject")}),
        ("CreateGroup", {"GroupName": "readers"}),
        ("AttachGroupPolicy", {"GroupName": "readers", "PolicyArn": f"{own}/fence"}),
        ("PutGroupPolicy", {"GroupName": "readers", "PolicyName": "desk", "PolicyDocument": allow("s3:ListBucket")}),
        ("CreateGroup", {"GroupName": "others"}),
        ("AddUserToGroup", {"GroupName": "readers", "UserName": "alice"}),
        ("AddUserToGroup", {"GroupName": "others", "UserName": "alice"}),
    ):
        assert service.call(tenant.key, action, **parameters).status == 200, action
    page = boss.get(f"{USERS}/alice")
    assert f"Permissions boundary {own}/fence" in page.text
    assert "IAMReadOnlyAccess Inline: shelf { " in page.text
    assert '"s3:GetObject"' in page.text
    assert "others : no policies readers : fence , desk (inline)" in page.text
    assert {"/ui/policies/aws/IAMReadOnlyAccess", "/ui/policies/fence", "/ui/groups/readers"} <= set(page.links)
    assert [boss.get(link).status for link in page.links if link.startswith(("/ui/policies/", "/ui/groups/"))] == [
        200
    ] * 4


def test_a_link_is_shown_once_and_sets_a_password(boss: Browser, service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="new")
    page = boss.send(boss.get(f"{USERS}/new"), f"{USERS}/create-link/new")
    url = page.html.partition('aria-label="Link">')[2].partition("<")[0]
    assert page.headers["cache-control"] == "no-store"
    assert url not in boss.get(f"{USERS}/new").html
    assert "a link to set one works until" in boss.get(f"{USERS}/new").text
    path, browser = url.removeprefix(service.settings.issuer), Browser(service)
    chosen = {"new_password": "another phrase nobody knows", "new_password_again": "another phrase nobody knows"}
    assert browser.go(browser.get(path), path, **chosen).path == "/ui/"
    (record,) = records(service, tenant, action="sign-in-link.create", limit="1")
    assert record["pairs"] == [["sts-admin:CreateSignInLink", f"arn:aws:iam::{tenant.account_id}:user/new"]]
    assert url.rpartition("/")[2] not in str(record)


def test_who_is_locked_is_unlocked(boss: Browser, alice: Person) -> None:
    lock(alice)
    assert alice.enter_password(Browser(alice.service)).status == 403
    page = boss.go(boss.get(f"{USERS}/alice"), f"{USERS}/unlock/alice")
    assert page.path == f"{USERS}/alice"
    assert "Locked" not in page.text
    assert alice.sign_in()


def test_a_13_another_password_is_required_and_sessions_end(boss: Browser, alice: Person) -> None:
    browser, _ = alice.sign_in()
    page = boss.go(boss.get(f"{USERS}/alice"), f"{USERS}/require-password-change/alice")
    assert "must choose another password" in page.text
    assert f"{USERS}/require-password-change/alice" not in page.actions()
    assert browser.ask("GET", "/ui/").status == 303
    assert alice.enter_password(Browser(alice.service)).path == "/ui/sign-in/password"


def test_a_second_factor_is_required_and_released(boss: Browser, alice: Person) -> None:
    page = boss.go(boss.get(f"{USERS}/alice"), f"{USERS}/require-factor/alice")
    assert "None, required" in page.text
    assert alice.enter_password(Browser(alice.service)).path == "/ui/sign-in/device"
    assert "required" not in boss.go(page, f"{USERS}/release-factor/alice").text.partition("Last sign-in")[0]
    assert alice.sign_in()


def test_s_10_an_administrator_lists_and_ends_sessions(boss: Browser, alice: Person) -> None:
    browser, _ = alice.sign_in()
    page = boss.get(f"{USERS}/alice")
    assert "127.0.0.1" in page.text
    ended = boss.go(page, f"{USERS}/end-sessions/alice")
    assert "127.0.0.1" not in ended.text
    assert browser.ask("GET", "/ui/").status == 303


def test_s_08_who_is_disabled_is_out_and_stays_so_until_enabled(boss: Browser, alice: Person) -> None:
    browser, _ = alice.sign_in()
    page = boss.go(boss.get(f"{USERS}/alice"), f"{USERS}/disable/alice")
    assert "Disabled" in page.text
    assert browser.ask("GET", "/ui/").status == 303
    assert alice.enter_password(Browser(alice.service)).status == 403
    assert "127.0.0.1" not in page.text
    assert "127.0.0.1" not in boss.go(page, f"{USERS}/enable/alice").text
    assert alice.sign_in()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("end-sessions", "all your sessions have ended, this one too"),
        ("require-password-change", "the next sign-in asks you for another password"),
    ],
)
def test_who_ends_their_own_session_is_told_that_it_was_done(boss: Browser, place: str, told: str) -> None:
    seen = boss.go(boss.get(f"{USERS}/boss"), f"{USERS}/{place}/boss")
    assert seen.path.startswith("/ui/sign-in?")
    assert ("It is done" in seen.text, told in seen.text, "not done" in seen.text) == (True, True, False)
    assert "__Host-sts-session" not in boss.cookies


def test_who_disables_their_own_user_is_asked_first_and_then_told_that_it_was_done(
    boss: Browser, service: Service, tenant: Tenant
) -> None:
    disable = f"{USERS}/disable/boss"
    asked = boss.go(boss.get(f"{USERS}/boss"), disable)
    assert (asked.status, "boss is you" in asked.text) == (200, True)
    assert boss.get("/ui/").path == "/ui/"
    assert records(service, tenant, action="user.disable") == []
    seen = boss.go(asked, disable)
    assert "It is done: your user is disabled" in seen.text
    (record,) = records(service, tenant, action="user.disable")
    assert (record["event"], record["parameters"]) == ("user.disable.done", {"name": "boss"})
    assert boss.get("/ui/").path.startswith("/ui/sign-in")


@pytest.mark.usefixtures("alice")
def test_s_12_what_changes_others_asks_an_old_session_for_the_password_again(boss: Browser, clock: ManualClock) -> None:
    clock.tick(LATER)
    for place in DEEDS:
        assert post(boss, place) == (303, "/ui/again?to=/ui/users/alice")
    again = boss.get("/ui/again?to=/ui/users/alice")
    assert boss.go(again, "/ui/again", password=PASSWORD).path == "/ui/users/alice"
    assert [place for place in DEEDS if post(boss, place)[0] not in {200, 303}] == []


def test_s_15_a_form_of_another_site_or_session_changes_nothing(
    boss: Browser, alice: Person, service: Service, tenant: Tenant
) -> None:
    own = boss.get("/ui/").form("/ui/sign-out")["token"]
    foreign = alice.sign_in()[0].get("/ui/").form("/ui/sign-out")["token"]
    for place in DEEDS:
        for token, headers in (
            ("", {}),
            (foreign, {}),
            (own, {"origin": "https://evil.example"}),
            (own, {"sec-fetch-site": "cross-site"}),
        ):
            seen = boss.ask("POST", f"{USERS}/{place}/alice", form={"token": token}, headers=headers)
            assert seen.status == 403, (place, token, headers)
    done = records(service, tenant, principal="user/boss", outcome="done", limit="100")
    assert {record["operation"] for record in done} == {"signin:ShowHome", "signin:SignIn"}


def test_z_02_a_form_demands_what_the_operation_of_the_api_demands(
    alice: Person, service: Service, tenant: Tenant
) -> None:
    make_person(service, tenant.account_id, "bob")
    actions = [f"sts-admin:{name}" for name in DEEDS.values()]
    policy = allow(actions, f"arn:aws:iam::{tenant.account_id}:user/bob")
    browser = make_administrator(service, tenant, policy)
    for place, name in DEEDS.items():
        status, text = post(browser, place)
        assert (status, f"may not sts-admin:{name} on {alice.user.arn}" in text) == (403, True)
        assert post(browser, place, "nobody")[0] == 403
        assert post(browser, place, "bob")[0] in {200, 303}


def test_z_02_a_plain_user_is_refused_at_each_page_and_told_why(
    alice: Person, service: Service, tenant: Tenant
) -> None:
    browser, home = alice.sign_in()
    assert USERS not in home.links
    for path in (USERS, f"{USERS}/admin", f"{USERS}/alice", f"{USERS}/nobody"):
        page = browser.get(path)
        assert page.status == 403
        assert f"may not {'sts-admin:ListUserStates' if path == USERS else 'iam:GetUser'} on" in page.text
        (record,) = records(service, tenant, principal="user/alice", outcome="refused", limit="1")
        assert (record["error"], record["operation"].startswith("signin:ShowUser")) == ("AccessDenied", True)


def test_the_way_to_the_users_is_shown_to_whom_it_leads(boss: Browser) -> None:
    assert USERS in boss.get("/ui/").links


def test_z_07_nobody_of_another_account_is_found_by_name(boss: Browser, service: Service) -> None:
    other = make_person(service, service.tenant().account_id, "stranger")
    assert boss.get(f"{USERS}/stranger").status == 404
    assert "stranger" not in boss.get(USERS).text.replace("no such", "")
    for place in DEEDS:
        assert post(boss, place, "stranger")[0] == 404
    assert other.sign_in()


@pytest.mark.usefixtures("alice")
def test_z_08_a_stranger_on_this_host_is_led_to_the_sign_in(service: Service) -> None:
    for path in (USERS, f"{USERS}/alice"):
        seen = Browser(service).ask("GET", path, headers={"x-forwarded-for": "127.0.0.1"})
        assert (seen.status, seen.location) == (303, f"/ui/sign-in?to={path}")


def test_reading_is_on_record(boss: Browser, alice: Person, service: Service, tenant: Tenant) -> None:
    boss.get(USERS)
    boss.get(f"{USERS}/alice")
    read, listed = records(service, tenant, principal="user/boss", limit="2")
    assert (listed["operation"], read["operation"]) == ("signin:ShowUsers", "signin:ShowUser")
    assert read["pairs"][0] == ["iam:GetUser", alice.user.arn]
