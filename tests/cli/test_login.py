"""`sts login` and what it leaves: other commands sign with it, it is refreshed in time, and `sts logout` ends it."""

import base64
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from sts.client.ending import end_login
from sts.client.loopback import Callback
from sts.client.private_files import PrivateFiles
from sts.client.saved_logins import LoginCredentials, SavedLogins, open_logins
from sts.client.signin import Login, SignIn, open_sign_in
from sts.clock import SystemClock
from sts.errors import LoginEnded, Malformed, Refusal, Unavailable
from tests.cli.conftest import Command
from tests.logins.desk import LoginDesk, login_service, open_desk

ROOT = Path(__file__).parents[2]
EXPIRED = timedelta(minutes=-1)
SOON = timedelta(minutes=4)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginDesk]:
    with login_service(tmp_path_factory.mktemp("desk"), SystemClock()) as service:
        yield open_desk(service)


@dataclass(frozen=True)
class Person:
    """Somebody with a terminal, a folder of their own, and a browser that they are signed in with."""

    desk: LoginDesk
    folder: Path

    @property
    def endpoint(self) -> str:
        return self.desk.service.settings.issuer

    @property
    def logins(self) -> SavedLogins:
        return open_logins(self.folder / "sts")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STS_HOME": str(self.folder / "nothing"),
            "XDG_CACHE_HOME": str(self.folder),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_CONFIG_FILE": str(self.folder / "config"),
        }

    @contextmanager
    def running(self, *words: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
        """Run `sts` as the person's shell does."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STS_"))}
        with subprocess.Popen(
            [sys.executable, "-m", "sts", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            env={**kept, **self.environment, **environment},
        ) as process:  # fmt: skip
            yield process

    def browse(self, url: str) -> httpx2.Response:
        """Open *url*, approve it, and go where the browser is sent."""
        with httpx2.Client(trust_env=False) as browser:
            return browser.get(self.desk.answer(url))

    def sign_in(self, left: timedelta = timedelta(minutes=15)) -> Login:
        """Sign in, and return what is kept of it: credentials with so much *left* of their life."""
        sign_in = open_sign_in(self.endpoint)
        question = sign_in.ask("http://127.0.0.1:49152/oauth/callback")
        code = question.read_answer(urlsplit(self.desk.answer(question.render_url())).query)
        login = replace(sign_in.redeem(question, code), expires_at=SystemClock().now() + left)
        self.logins.save(login)
        return login

    def credentials(self) -> LoginCredentials:
        return LoginCredentials(self.logins, open_sign_in(self.endpoint))


@pytest.fixture
def person(desk: LoginDesk, tmp_path: Path) -> Person:
    return Person(desk, tmp_path)


@pytest.fixture
def sts(person: Person, elsewhere: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command of one who has no credentials but those of a login."""
    for name, value in person.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "STS_ISSUER"):
        monkeypatch.delenv(name, raising=False)
    return elsewhere


def read_url(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    return process.stderr.readline().rpartition(" ")[2].strip()


def test_a_login_serves_other_commands_until_it_is_ended(person: Person, sts: Command) -> None:
    with person.running("login", "--endpoint-url", person.endpoint + "/", "--no-browser", "--json") as process:
        page = person.browse(read_url(process))
        out, err = process.communicate()
    assert (page.status_code, "You are signed in" in page.text, page.headers["cache-control"]) == (
        200,
        True,
        "no-store",
    )
    assert (process.returncode, err) == (0, "")
    told = json.loads(out)
    assert (told["arn"], told["endpoint"]) == (person.desk.arn, person.endpoint)
    whoami = sts.json("whoami")  # the one service that is signed in at is the one that is meant
    assert (whoami["arn"], whoami["credentials"]) == (person.desk.arn, "sts-login")
    login = person.logins.find(person.endpoint)
    assert login is not None
    assert sts.json("logout") == {"arn": person.desk.arn, "endpoint": person.endpoint, "ended": True}
    assert sts("logout", "--endpoint-url", person.endpoint).exit_code == 3
    with pytest.raises(LoginEnded, match="run `sts login`"):
        open_sign_in(person.endpoint).refresh(login)


def test_the_browser_is_opened_at_the_address_that_is_shown(person: Person) -> None:
    opened, script = person.folder / "opened", person.folder / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    script.chmod(0o700)
    with person.running("login", "--endpoint-url", person.endpoint, BROWSER=f"{script} %s") as process:
        url = read_url(process)
        for _ in range(2_000):
            if opened.exists():
                break
            threading.Event().wait(0.01)
        assert opened.read_text().strip() == url
        person.browse(url)
        out, _ = process.communicate()
    assert (process.returncode, person.desk.arn in out) == (0, True)


def test_a_browser_of_another_machine_shows_what_is_typed_in(person: Person) -> None:
    with person.running("login", "--endpoint-url", person.endpoint, "--remote", "--json") as process:
        url = read_url(process)
        assert process.stderr is not None
        warning = process.stderr.readline()
        assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{person.endpoint}/v1/sessions/confirmation"]
        members = parse_qs(urlsplit(person.desk.answer(url)).query)
        typed = base64.b64encode(f"state={members['state'][0]}&code={members['code'][0]}".encode()).decode()
        out, err = process.communicate(typed + "\n")
    assert process.returncode == 0, err
    assert "Type in only what the page shows that you opened yourself" in warning
    assert json.loads(out)["arn"] == person.desk.arn


@pytest.mark.parametrize("typed", ["", "nothing", "c3RhdGU9eCZjb2RlPXk=", "ä"])
def test_what_the_page_did_not_show_is_refused(typed: str, person: Person) -> None:
    with person.running("login", "--endpoint-url", person.endpoint, "--remote") as process:
        _, err = process.communicate(typed + "\n")
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("Error: This is no")


def test_what_is_kept_is_for_its_owner_alone(person: Person) -> None:
    person.sign_in()
    folder = person.folder / "sts" / "logins"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600, 0o600]  # the login, and its lock
    (kept,) = folder.glob("*.json")
    kept.chmod(0o640)
    with pytest.raises(Refusal, match=r"can be used by others \(mode 0640, wanted 0600\): remove it"):
        person.logins.find(person.endpoint)


def test_secrets_of_a_login_show_in_no_text_of_it(person: Person) -> None:
    login = person.sign_in()
    shown = f"{login!r} {login}"
    assert [each for each in (login.secret_access_key, login.session_token, login.refresh_token) if each in shown] == []


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b'{"key": 1}'])
def test_a_damaged_file_is_told_of_and_replaced_by_the_next_login(damage: bytes, person: Person, sts: Command) -> None:
    person.sign_in()
    (kept,) = (person.folder / "sts" / "logins").glob("*.json")
    kept.write_bytes(damage)
    result = sts("whoami", "--endpoint-url", person.endpoint)
    assert (result.exit_code, "is damaged" in result.stderr) == (1, True)
    person.sign_in()
    assert sts("whoami", "--endpoint-url", person.endpoint).exit_code == 0


@pytest.mark.parametrize("name", ["expires_at", "ends_at"])
def test_an_instant_without_its_offset_is_damage_too(name: str, person: Person) -> None:
    person.sign_in()
    (kept,) = (person.folder / "sts" / "logins").glob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_bytes()), name: "2026-03-02T12:00:00"}))
    with pytest.raises(Refusal, match="is damaged"):
        person.logins.find(person.endpoint)


def test_the_environment_and_a_profile_come_before_a_login(person: Person, sts: Command) -> None:
    person.sign_in()
    admin = person.desk.tenant
    key = {"AWS_ACCESS_KEY_ID": admin.key.access_key_id, "AWS_SECRET_ACCESS_KEY": admin.key.secret}
    words = ("--endpoint-url", person.endpoint)
    assert sts.json("whoami", *words, **key)["credentials"] == "env"
    profile = "".join(f"{name.lower()} = {value}\n" for name, value in key.items())
    (person.folder / "credentials").write_text(f"[admin]\n{profile}[empty]\n")
    assert sts.json("whoami", *words, "--profile", "admin")["arn"].endswith(":user/admin")
    assert sts.json("whoami", *words)["arn"] == person.desk.arn
    none = sts("whoami", *words, "--profile", "empty", AWS_EC2_METADATA_DISABLED="true")
    assert (none.exit_code, "run `sts login`" in none.stderr) == (1, True)


def count_refreshes(person: Person) -> int:
    key = person.desk.tenant.key
    reply = person.desk.service.send(
        key, method="GET", path="/api/audit/records", query="action=login.refresh&limit=1000"
    )
    return len(json.loads(reply.body)["records"])


def test_credentials_near_their_end_are_refreshed_once_by_all_who_share_them(person: Person) -> None:
    before = person.sign_in(SOON)
    seen = count_refreshes(person)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: person.credentials().get_frozen_credentials(), range(8)))
    assert count_refreshes(person) == seen + 1
    assert len({each.access_key for each in found}) == 1
    assert found[0].access_key != before.access_key_id


def test_credentials_with_time_left_are_used_as_they_are(person: Person) -> None:
    login, seen = person.sign_in(), count_refreshes(person)
    assert person.credentials().get_frozen_credentials().access_key == login.access_key_id
    assert count_refreshes(person) == seen


def test_while_the_service_is_away_credentials_go_on_until_their_end(person: Person) -> None:
    login = person.sign_in(SOON)
    away = "http://127.0.0.1:9"
    person.logins.save(replace(login, endpoint=away))
    credentials = LoginCredentials(person.logins, open_sign_in(away))
    assert credentials.get_frozen_credentials().access_key == login.access_key_id
    person.logins.save(replace(login, endpoint=away, expires_at=SystemClock().now() + EXPIRED))
    with pytest.raises(Unavailable, match="does not answer"):
        credentials.get_frozen_credentials()


def test_a_logout_while_the_service_is_away_forgets_the_login_and_says_so(person: Person, sts: Command) -> None:
    away = "http://127.0.0.1:9"
    person.logins.save(replace(person.sign_in(), endpoint=away))
    result = sts("logout", "--endpoint-url", away)
    assert (result.exit_code, "is forgotten here, and lasts at the service until" in result.stderr) == (1, True)
    assert person.logins.find(away) is None


def test_a_logout_that_the_service_refuses_forgets_the_login_and_says_so(person: Person, sts: Command) -> None:
    person.logins.save(replace(person.sign_in(), secret_access_key="x" * 40))
    result = sts("logout", "--endpoint-url", person.endpoint)
    assert (result.exit_code, "is forgotten here, and lasts at the service until" in result.stderr) == (1, True)
    assert "SignatureDoesNotMatch" in result.stderr
    assert person.logins.find(person.endpoint) is None


def test_a_login_that_was_ended_elsewhere_is_told_with_what_to_do_and_forgotten(person: Person, sts: Command) -> None:
    person.sign_in()
    same = Person(person.desk, person.folder / "copy")
    shutil.copytree(person.folder / "sts", same.folder / "sts")
    end_login(same.logins, person.endpoint)
    told = sts("whoami", "--endpoint-url", person.endpoint)
    assert (told.exit_code, told.stderr.startswith("Error: ExpiredToken")) == (1, True)
    assert "run `sts login`" in told.stderr
    kept = person.logins.find(person.endpoint)
    assert kept is not None
    person.logins.save(replace(kept, expires_at=SystemClock().now() + EXPIRED))
    with pytest.raises(LoginEnded, match="run `sts login`"):
        person.credentials().get_frozen_credentials()
    assert person.logins.find(person.endpoint) is None


def test_a_logout_of_what_was_over_already_says_so(person: Person, sts: Command) -> None:
    person.sign_in()
    same = Person(person.desk, person.folder / "copy")
    shutil.copytree(person.folder / "sts", same.folder / "sts")
    end_login(same.logins, person.endpoint)
    told = sts("logout", "--endpoint-url", person.endpoint)
    assert (told.exit_code, told.stdout, "was over already" in told.stderr) == (3, "", True)
    assert person.logins.find(person.endpoint) is None


@pytest.mark.parametrize("words", [("--no-browser",), ("--remote",)])
def test_nobody_is_sent_to_an_address_where_nothing_answers(words: tuple[str, ...], sts: Command) -> None:
    with closing(socket.socket()) as bound:  # which listens to nobody
        bound.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{bound.getsockname()[1]}"
        told = sts("login", "--endpoint-url", endpoint, *words)
    assert (told.exit_code, f"{endpoint} does not answer" in told.stderr) == (1, True)
    assert "/v1/authorize" not in told.output


def test_only_a_login_of_a_command_line_ends_itself_by_its_credentials(person: Person) -> None:
    service, key = person.desk.service, person.desk.tenant.key
    reply = service.send(key, path="/api/logins/end", body=b"{}", headers={"content-type": "application/json"})
    assert (reply.status, json.loads(reply.body)["__type"]) == (403, "AccessDenied")
    login = person.sign_in()
    end_login(person.logins, person.endpoint)
    query = "action=login.end&limit=1&order=newest&outcome=done"
    (record,) = json.loads(service.send(key, method="GET", path="/api/audit/records", query=query).body)["records"]
    assert (record["principal"]["arn"], record["principal"]["access_key_id"]) == (person.desk.arn, login.access_key_id)


@contextmanager
def waiting(person: Person) -> "Iterator[tuple[Callback, str, Any]]":
    """Wait for an answer; in the context stand its address, its state and what comes of it."""
    with Callback() as callback, ThreadPoolExecutor(1) as thread:
        question = open_sign_in(person.endpoint).ask(callback.redirect_uri)
        yield callback, question.state, thread.submit(callback.wait, question)


def visit(url: str) -> int:
    with httpx2.Client(trust_env=False) as browser:
        return browser.get(url).status_code


def test_an_answer_of_somebody_elses_is_passed_over(person: Person) -> None:
    with waiting(person) as (callback, state, answered):
        for query in ("code=mallory&state=other", "code=mallory", f"code=a&state={state}&state=other", "error=x"):
            assert visit(f"{callback.redirect_uri}?{query}") == 400
        assert visit(callback.redirect_uri.replace("callback", "elsewhere") + f"?code=mallory&state={state}") == 404
        assert visit(f"{callback.redirect_uri}?code=mine&state={state}") == 200
        assert answered.result() == "mine"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("error=access_denied", "You declined it in the browser"),
        ("error=invalid_request&error_description=no+way", "The sign-in was refused: no way"),
        ("code=x&iss=https%3A%2F%2Fother.example", "run `sts login --endpoint-url https://other.example`"),
    ],
)
def test_an_answer_that_says_no_is_told(query: str, reason: str, person: Person) -> None:
    with waiting(person) as (callback, state, answered):
        assert visit(f"{callback.redirect_uri}?{query}&state={state}") == 400
        with pytest.raises(Refusal, match=reason):
            answered.result()


def test_nobody_is_waited_for_without_end(person: Person) -> None:
    with Callback() as callback:
        question = open_sign_in(person.endpoint).ask(callback.redirect_uri)
        with pytest.raises(Unavailable, match="Nobody signed in"):
            callback.wait(question, timedelta(0))


class Busy(BaseHTTPRequestHandler):
    """Answers 503 a number of times, then something that is no answer; keeps what it was sent."""

    seen: ClassVar[list[tuple[str | None, bytes]]] = []
    busy: ClassVar[int] = 2

    def do_POST(self) -> None:
        self.seen.append((self.headers["DPoP"], self.rfile.read(int(self.headers["content-length"]))))
        status, body = (503, b'{"message": "busy"}') if len(self.seen) <= self.busy else (200, b'{"no": "token"}')
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Keep quiet."""


@pytest.mark.parametrize(("busy", "reason"), [(2, "something else than credentials"), (9, "busy")])
def test_a_request_without_an_answer_is_sent_again_as_it_was(
    busy: int, reason: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Busy, "busy", busy)
    monkeypatch.setattr(Busy, "seen", [])
    login = person.sign_in()
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            sign_in: SignIn = open_sign_in(f"http://127.0.0.1:{server.server_port}")
            with pytest.raises(Unavailable, match=reason):
                sign_in.refresh(login)
        finally:
            server.shutdown()
            thread.join()
    assert len(Busy.seen) == 3
    assert len(set(Busy.seen)) == 1


def test_a_code_is_redeemed_only_with_its_verifier(person: Person) -> None:
    sign_in = open_sign_in(person.endpoint)
    question = sign_in.ask("http://127.0.0.1:49152/oauth/callback")
    code = question.read_answer(urlsplit(person.desk.answer(question.render_url())).query)
    with pytest.raises(LoginEnded, match="not valid"):
        sign_in.redeem(replace(question, verifier="v" * 43), code)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Malformed, match="is not an address"):
        open_sign_in("sts.example.com")


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    logins = SavedLogins(PrivateFiles(tmp_path / "file" / "logins"))
    with pytest.raises(Refusal, match=r"cannot be used: (Not a directory|File exists)"):
        logins.remove("http://localhost")
