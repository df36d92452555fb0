"""A walk through every page of signing in, as people of each kind see them."""

from collections.abc import Iterator
from datetime import timedelta

from sts.app import build_links
from sts.clock import ManualClock
from sts.logins.requests import CONFIRMATION_PATH, Client, LoginRequest, LoginRequests
from tests.authenticator import STEP, Authenticator
from tests.service import Service, Tenant, allow, trust
from tests.signin.chromium import Window, origin_of
from tests.signin.people import Person, change, make_person, opened

STEP_SPAN = timedelta(seconds=STEP)
CHOSEN = "seven green bottles on a wall"


def walk(service: Service, tenant: Tenant, clock: ManualClock, window: Window) -> Iterator[str]:
    """Go from page to page, and say at each what it is."""
    alice = make_person(service, tenant.account_id, is_first_password=True, must_enrol=True)
    window.open(origin_of(alice) + "/ui/")
    yield "sign-in"
    window.enter_password(Person(service, alice.user, "not her password"))
    yield "sign-in-refused"
    window.enter_password(alice)
    yield "new-password"
    window.fill(New_password=CHOSEN, **{"New_password,_once_more": CHOSEN})
    window.press("Change password")
    yield "device"
    device = read_device(window)
    enrol(window, device, clock)
    yield "recovery-codes"
    codes = window.page.get_by_label("Recovery codes").locator("li").all_inner_texts()
    window.follow("I have kept them")
    yield "home"
    yield from _let_in(alice, tenant, window)
    window.open(origin_of(alice) + "/ui/again")
    yield "again"
    window.press("Sign out")
    yield "signed-out"
    yield from _come_back(Person(service, alice.user, CHOSEN, device), codes, window)


def _let_in(alice: Person, tenant: Tenant, window: Window) -> Iterator[str]:
    policy = {"UserName": alice.name, "PolicyArn": "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"}
    assert alice.service.call(tenant.key, "AttachUserPolicy", **policy).status == 200
    window.open(ask_page(alice, Client.SAME_DEVICE, "http://127.0.0.1:49152/oauth/callback"))
    yield "authorize"
    window.open(ask_page(alice, Client.CROSS_DEVICE, origin_of(alice) + CONFIRMATION_PATH))
    yield "authorize-remote"
    window.press("Let it in")
    yield "confirmation"
    window.open(f"{origin_of(alice)}{CONFIRMATION_PATH}?error=access_denied")
    yield "declined"


def ask_page(alice: Person, client: Client, redirect_uri: str) -> str:
    """Return the page that the browser is led to when a command line asks to be let in."""
    at = int(alice.service.clock.now().timestamp())
    asked = LoginRequest(client=client, redirect_uri=redirect_uri, state="s" * 36, challenge="c" * 43, asked_at=at)
    with opened(alice.service) as foundation:
        return f"{origin_of(alice)}/ui/authorize/{LoginRequests(foundation.keyring, foundation.clock).render(asked)}"


def _come_back(alice: Person, codes: list[str], window: Window) -> Iterator[str]:
    window.enter_password(alice)
    yield "code"
    window.fill(Code="000000")
    window.press("Go on")
    yield "code-refused"
    window.follow("Use a recovery code instead")
    yield "recovery"
    window.fill(Recovery_code="0000-0000-0000")
    window.press("Go on")
    yield "recovery-refused"
    window.fill(Recovery_code=codes[0])
    window.press("Go on")
    assert window.path == "/ui/", window.heading
    window.open(origin_of(alice) + "/ui/nowhere")
    yield "error"


def walk_factors(service: Service, tenant: Tenant, clock: ManualClock, window: Window) -> Iterator[str]:
    """Set a password by a link, then go through the pages of second factors."""
    bob = make_person(service, tenant.account_id, "bob")
    service.call(tenant.key, "PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=allow("iam:*MFADevice"))
    link = change(service, lambda at, tx: build_links(at, service.settings).create(tx, owner=bob.user)).url
    path = link.removeprefix(service.settings.issuer)
    window.open(origin_of(bob) + path)
    yield "link"
    window.fill(New_password="too short", **{"New_password,_once_more": "too short"})
    window.press("Set password")
    yield "link-refused"
    window.fill(New_password=CHOSEN, **{"New_password,_once_more": CHOSEN})
    window.press("Set password")
    assert window.path == "/ui/", window.heading
    window.follow("Second factors")
    yield "factors-none"
    window.follow("Add an authenticator")
    yield "new-factor"
    device = read_device(window)
    window.fill(Code="000000", Next_code="000000")
    window.press("Finish")
    yield "new-factor-refused"
    enrol(window, device, clock)
    window.follow("I have kept them")
    yield "factors"
    window.press("Make new codes")
    yield "new-recovery-codes"
    window.follow("I have kept them")
    window.press("Remove bob-authenticator")
    assert window.heading == "Second factors"
    window.open(origin_of(bob) + path)
    yield "link-used"


def walk_audit(service: Service, tenant: Tenant, window: Window) -> Iterator[str]:
    """Look for records, as somebody else than who sat here before."""
    window.context.clear_cookies()
    service.call(
        tenant.key, "AssumeRole", "sts", RoleArn=f"arn:aws:iam::{tenant.account_id}:role/x", RoleSessionName="me"
    )
    auditor = make_person(service, tenant.account_id, "auditor")
    policy = allow("sts-admin:ListAuditRecords")
    service.call(tenant.key, "PutUserPolicy", UserName="auditor", PolicyName="audit", PolicyDocument=policy)
    window.sign_in(auditor)
    window.follow("Audit")
    yield "audit"
    window.fill(Who="user/auditor", What="iam:Nothing", **{"From_(UTC)": "2026-03-01T00:00:00"})
    window.press("Find")
    assert window.page.get_by_text("There is no such record.").is_visible()
    window.open(origin_of(auditor) + "/ui/audit?from=never&principal=user/alice")
    yield "audit-refused"


def read_device(window: Window) -> Authenticator:
    """Return the authenticator that was given the key on the page, as it is typed."""
    return Authenticator(window.page.locator("#seed").inner_text().replace(" ", ""))


def enrol(window: Window, device: Authenticator, clock: ManualClock) -> None:
    """Show that the device works, by a code and the one that comes next."""
    now = clock.now()
    window.fill(Code=device.code(now, -1), Next_code=device.code(now))
    window.press("Finish")
    clock.tick(STEP_SPAN)


def walk_home(service: Service, tenant: Tenant, window: Window) -> Iterator[str]:
    """Go through the pages about oneself: roles and their credentials, access keys, sessions."""
    carol = make_person(service, tenant.account_id, "carol")
    document = allow(["iam:*AccessKey*", "iam:ChangePassword"])
    service.call(tenant.key, "PutUserPolicy", UserName="carol", PolicyName="p", PolicyDocument=document)
    trusting = trust(carol.user.arn)
    described = {"RoleName": "deploy", "Description": "Puts releases where they belong", "MaxSessionDuration": "28800"}
    service.call(tenant.key, "CreateRole", AssumeRolePolicyDocument=trusting, **described)
    window.context.clear_cookies()
    window.sign_in(carol)
    window.follow("Roles")
    yield "roles"
    window.press("Get credentials")
    yield "credentials"
    window.follow("Access keys")
    yield "keys-none"
    window.press("Create access key")
    yield "new-key"
    window.follow("I have kept it")
    yield "keys"
    window.press("Deactivate")
    yield "keys-inactive"
    policy = {"UserName": carol.name, "PolicyArn": "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"}
    assert service.call(tenant.key, "AttachUserPolicy", **policy).status == 200
    window.open(ask_page(carol, Client.CROSS_DEVICE, origin_of(carol) + CONFIRMATION_PATH))
    window.press("Let it in")
    window.follow("Sessions")
    yield "sessions"
    window.follow("Home")
    window.follow("Password")
    yield "password"
    window.fill(Current_password="not mine", New_password=CHOSEN, **{"New_password,_once_more": CHOSEN})
    window.press("Change password")
    yield "password-refused"
    window.fill(Current_password=carol.password, New_password=CHOSEN, **{"New_password,_once_more": CHOSEN})
    window.press("Change password")
    yield "password-changed"
