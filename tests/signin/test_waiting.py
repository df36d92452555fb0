"""Sign-ins that wait at a step while their owner goes on elsewhere, and sessions that another takes the place of."""

from sts.clock import ManualClock
from tests.service import Service, Tenant
from tests.signin.browsing import Browser
from tests.signin.people import Person, make_person
from tests.signin.test_factors import codes_on, device_of, owned
from tests.signin.test_links import NEW, choose, make_link

_THEIRS = "a phrase of somebody else"


def test_a_16_a_waiting_change_overwrites_no_password_that_its_owner_chose(service: Service, tenant: Tenant) -> None:
    alice, waiting = make_person(service, tenant.account_id, is_first_password=True), Browser(service)
    page = alice.enter_password(waiting)
    assert page.path == "/ui/sign-in/password"
    path, browser = make_link(service, alice), Browser(service)
    assert choose(browser, browser.get(path), path).path == "/ui/"
    refused = waiting.go(page, page.path, new_password=_THEIRS, new_password_again=_THEIRS)
    assert refused.status >= 400
    assert "changed meanwhile" in refused.text
    assert waiting.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"
    assert Person(service, alice.user, NEW).enter_password(Browser(service)).path == "/ui/"


def test_a_25_a_waiting_enrolment_adds_no_device_beside_the_owners(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, must_enrol=True)
    waiting, browser = Browser(service), Browser(service)
    theirs, own = alice.enter_password(waiting), alice.enter_password(browser)
    now, device, other = clock.now(), device_of(own), device_of(theirs)
    done = browser.send(own, own.path, device="own", first_code=device.code(now, -1), second_code=device.code(now))
    assert codes_on(done)
    before = owned(service, alice)
    refused = waiting.send(
        theirs, theirs.path, device="theirs", first_code=other.code(now, -1), second_code=other.code(now)
    )
    assert refused.status >= 400
    assert not codes_on(refused)
    assert owned(service, alice) == before
    assert waiting.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"


def test_s_02_signing_in_ends_the_session_that_the_browser_had(service: Service, tenant: Tenant) -> None:
    alice, bob = make_person(service, tenant.account_id), make_person(service, tenant.account_id, "bob")
    browser, _ = alice.sign_in()
    former, fresh = browser.copy(), Browser(service)
    page = fresh.get("/ui/sign-in")
    browser.cookies.update(fresh.cookies)
    home = browser.go(page, "/ui/sign-in", account=bob.account_id, user=bob.name, password=bob.password)
    assert bob.user.arn in home.text
    assert former.get("/ui/").path.startswith("/ui/sign-in")
