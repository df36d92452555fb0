"""What a command line opens in the browser: checked to the letter, and handed to the page that asks a person."""

from datetime import timedelta
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx2
import pytest

from sts.clock import ManualClock
from sts.errors import NotFound
from sts.logins.requests import Client, LoginRequest, LoginRequests
from tests.logins.desk import CALLBACK, CHALLENGE, LoginDesk

ASKED = {
    "response_type": "code",
    "client_id": "arn:aws:signin:::devtools/same-device",
    "state": "state",
    "code_challenge_method": "SHA-256",
    "scope": "openid",
    "redirect_uri": CALLBACK,
    "code_challenge": CHALLENGE,
}
CONFIRMATION = "/v1/sessions/confirmation"


def _ask(desk: LoginDesk, query: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        return client.get(f"{desk.service.settings.issuer}/v1/authorize?{query}", headers=headers)


def _open(desk: LoginDesk, location: str) -> LoginRequest:
    path, _, text = location.rpartition("/")
    assert path == "/ui/authorize"
    with desk.foundation() as at:
        return LoginRequests(at.keyring, at.clock).open(text)


def test_o_27_a_request_is_handed_to_the_page_with_all_that_it_asks_for(front: LoginDesk) -> None:
    answer = _ask(front, urlencode(ASKED))
    assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store")
    opened = _open(front, answer.headers["location"])
    assert (opened.client, opened.redirect_uri) == (Client.SAME_DEVICE, CALLBACK)
    assert (opened.state, opened.challenge) == ("state", CHALLENGE)
    assert len(answer.headers["location"]) <= 512


def test_a_client_on_another_device_gets_its_answer_by_our_own_page(front: LoginDesk) -> None:
    own = {
        "client_id": "arn:aws:signin:::devtools/cross-device",
        "redirect_uri": front.service.settings.issuer + CONFIRMATION,
    }
    answer = _ask(front, urlencode({**ASKED, **own}))
    assert _open(front, answer.headers["location"]).client is Client.CROSS_DEVICE
    for strange in ("https://evil.example" + CONFIRMATION, front.service.settings.issuer + "/", CALLBACK):
        assert _ask(front, urlencode({**ASKED, **own, "redirect_uri": strange})).status_code == 400


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:1/oauth/callback/",
        "http://127.0.0.1:1/oauth/Callback",
        "http://127.0.0.1:1/oauth/callback?a=b",
        "http://127.0.0.1:1/oauth/callback#a",
        "http://127.0.0.1/oauth/callback",
        "http://127.0.0.1:0/oauth/callback",
        "http://127.0.0.1:65536/oauth/callback",
        "http://127.0.0.1:\N{ARABIC-INDIC DIGIT ONE}/oauth/callback",
        "http://127.0.0.1:1@evil.example/oauth/callback",
        "http://127.0.0.1.evil.example:1/oauth/callback",
        "http://localhost:1/oauth/callback",
        "http://user@127.0.0.1:1/oauth/callback",
        "https://127.0.0.1:1/oauth/callback",
        "http://2130706433:1/oauth/callback",
        "http://127.0.0.1:1/oauth/callback\n",
        "javascript:alert(1)",
        "//evil.example/oauth/callback",
        "http://evil.example/oauth/callback",
        "",
    ],
)
def test_o_01_an_answer_goes_to_loopback_alone_and_only_its_port_may_vary(front: LoginDesk, redirect_uri: str) -> None:
    answer = _ask(front, urlencode({**ASKED, "redirect_uri": redirect_uri}))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("client_id", ["", "arn:aws:signin:::devtools/other", "same-device"])
def test_o_03_a_client_that_is_not_known_is_told_so_here(front: LoginDesk, client_id: str) -> None:
    answer = _ask(front, urlencode({**ASKED, "client_id": client_id}))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge_method": "S256"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE[:-1] + "="},
        {"response_type": "token"},
        {"response_type": ""},
        {"scope": "openid admin"},
        {"resource": "aws-mcp.amazonaws.com"},
    ],
)
def test_o_04_who_asks_for_anything_else_is_told_at_its_own_address(front: LoginDesk, changed: dict[str, str]) -> None:
    answer = _ask(front, urlencode({**ASKED, **changed}))
    assert answer.status_code == 303
    address, _, query = answer.headers["location"].partition("?")
    told = parse_qs(query)
    assert address == CALLBACK
    assert (told["error"], told["state"], told["iss"]) == (
        ["invalid_request"],
        ["state"],
        [front.service.settings.issuer],
    )
    assert "code" not in told


@pytest.mark.parametrize("name", ASKED)
def test_o_37_a_parameter_that_is_given_twice_is_refused(front: LoginDesk, name: str) -> None:
    answer = _ask(front, f"{urlencode(ASKED)}&{name}={quote(ASKED[name])}")
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_refused(front: LoginDesk, method: str) -> None:
    with httpx2.Client(trust_env=False) as client:
        answer = client.request(method, f"{front.service.settings.issuer}/v1/authorize?{urlencode(ASKED)}")
    assert (answer.status_code, answer.headers["allow"], "location" in answer.headers) == (405, "GET, HEAD", False)


@pytest.mark.parametrize("state", ["", "x" * 129, "a b", "\x00", "é", "a\r\nSet-Cookie: a=b"])
def test_a_state_that_could_not_come_back_as_it_is_is_refused(front: LoginDesk, state: str) -> None:
    answer = _ask(front, urlencode({**ASKED, "state": state}))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_o_33_no_host_header_changes_where_the_browser_goes(front: LoginDesk) -> None:
    strange = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    location = _ask(front, urlencode(ASKED), strange).headers["location"]
    assert (urlsplit(location).netloc, location[:14]) == ("", "/ui/authorize/")


def test_a_request_is_good_for_ten_minutes_and_as_it_was_made(desk: LoginDesk, clock: ManualClock) -> None:
    location = _ask(desk, urlencode(ASKED)).headers["location"]
    clock.tick(timedelta(minutes=10))
    assert _open(desk, location)
    text = location.rpartition("/")[2]
    changed = (f"{text[:place]}{'A' if text[place] != 'A' else 'B'}{text[place + 1 :]}" for place in range(len(text)))
    with desk.foundation() as at:
        requests = LoginRequests(at.keyring, at.clock)
        for broken in (*changed, text[:-1], text + "A", "", "x", "é"):
            with pytest.raises(NotFound):
                requests.open(broken)
    clock.tick(timedelta(seconds=1))
    with pytest.raises(NotFound):
        _open(desk, location)
