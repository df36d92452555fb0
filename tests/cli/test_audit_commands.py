import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sts.client.audit import Tail
from sts.client.connection import Connection, open_connection
from sts.errors import Malformed, Refusal, Unavailable
from tests.cli.conftest import Command
from tests.service import Service, Tenant

ROOT = Path(__file__).parents[2]


def alter(sts: Command, statement: str) -> None:
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        connection.execute(statement)
        connection.commit()


def credentials(tenant: Tenant) -> Mapping[str, str]:
    return {"AWS_ACCESS_KEY_ID": tenant.key.access_key_id, "AWS_SECRET_ACCESS_KEY": tenant.key.secret}


def test_an_audit_that_holds_is_told_with_what_was_checked(sts: Command) -> None:
    sts.json("init")
    sts.json("accounts", "create")
    result = sts("audit", "verify")
    assert result.exit_code == 0
    assert "2 records in 2 streams and 2 checkpoints were checked" in result.stdout
    assert "cut off after the last checkpoint" in result.stdout
    assert sts.json("audit", "verify")["records"] == 3  # the first verification is a record too


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET body = replace(body, 'staging', 'stagind')",
        "DELETE FROM audit_record WHERE event = 'account.create.done'",
        "DELETE FROM audit_stream",
        "UPDATE audit_checkpoint SET body = replace(body, '\"format\":1', '\"format\":2')",
    ],
)
def test_a_flipped_byte_or_a_missing_row_exits_with_1(statement: str, sts: Command) -> None:
    sts.json("accounts", "create", "--name", "staging")
    alter(sts, statement)
    result = sts("audit", "verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["faults"]
    assert "The audit does not hold" in result.stderr
    people = sts("audit", "verify")
    assert people.exit_code == 1
    assert people.stdout.startswith(("stream ", "checkpoint "))


def test_success_and_counts_are_told_in_words(sts: Command) -> None:
    sts.json("init")
    lines = sts("audit", "verify").stdout.splitlines()
    assert lines[:2] == ["No fault was found.", "1 record in 1 stream and 1 checkpoint were checked."]


def test_a_fault_names_its_record_and_tells_what_was_not_checked_behind_it(sts: Command) -> None:
    sts.json("accounts", "create", "--name", "staging")
    alter(sts, "UPDATE audit_record SET body = replace(body, 'staging', 'stagind')")
    result = sts("audit", "verify")
    assert re.search(r": record 1 \(20[0-9T:.+-]+, account\.create\.done\) was altered", result.stdout)
    assert "; 0 records of the stream behind it were not checked" in result.stdout
    assert "No fault" not in result.stdout
    assert "The audit does not hold: 1 fault\n" in result.stderr


@pytest.mark.parametrize(("body", "code"), [("staging", 0), ("stagind", 1)])
def test_a_store_that_takes_no_record_is_verified_all_the_same(body: str, code: int, sts: Command) -> None:
    sts.json("accounts", "create", "--name", "staging")
    alter(sts, f"UPDATE audit_record SET body = replace(body, 'staging', '{body}')")  # noqa: S608  one of two words
    alter(sts, "CREATE TRIGGER full BEFORE INSERT ON audit_record BEGIN SELECT RAISE(ABORT, 'full'); END")
    result = sts("audit", "verify")
    assert result.exit_code == code
    assert ("No fault was found." in result.stdout) is (code == 0)
    assert "Warning: this verification is not on record" in result.stderr


def test_an_exported_checkpoint_that_is_not_in_the_store_is_a_fault(sts: Command) -> None:
    sts.json("init")
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        ((body, mac),) = connection.execute("SELECT body, hex(mac) FROM audit_checkpoint").fetchall()
    alter(sts, "DELETE FROM audit_checkpoint")
    result = sts("audit", "verify", "--checkpoint", "-", given=json.dumps({"checkpoint": body, "mac": mac}))
    assert result.exit_code == 1
    assert "exported checkpoint 1: an exported checkpoint is not in the store" in result.stdout


def test_what_was_found_is_recorded(sts: Command) -> None:
    sts.json("init")
    sts.json("audit", "verify")
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        rows = connection.execute("SELECT body FROM audit_record WHERE event = 'audit.verify.done'").fetchall()
    ((body,),) = rows
    told = json.loads(body)["parameters"]
    assert told == {"records": 1, "exported": 0, "streams": 1, "checkpoints": 1, "faults": []}


def test_exported_checkpoints_are_checked_too(sts: Command, tmp_path: Path) -> None:
    sts.json("init")
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        ((body, mac),) = connection.execute("SELECT body, hex(mac) FROM audit_checkpoint").fetchall()
    exported = tmp_path / "log"
    exported.write_text(json.dumps({"event": "audit.checkpoint.done", "checkpoint": body, "mac": mac}) + "\n")
    assert sts.json("audit", "verify", "--checkpoint", str(exported))["checkpoints"] == 2
    assert sts("audit", "verify", "--checkpoint", "-", given=exported.read_text()).exit_code == 0
    for table in ("audit_record", "audit_stream", "audit_checkpoint"):
        alter(sts, f"DELETE FROM {table}")  # noqa: S608  one of three names
    assert sts("audit", "verify").exit_code == 0  # nothing is left here that could tell
    result = sts("audit", "verify", "--checkpoint", str(exported))
    assert result.exit_code == 1
    assert "which is gone" in result.stdout


def test_a_file_without_a_checkpoint_is_refused(sts: Command) -> None:
    sts.json("init")
    result = sts("audit", "verify", "--checkpoint", "-", given="nothing\n")
    assert result.exit_code == 1
    assert "No line of the file is a checkpoint" in result.stderr


def test_the_latest_records_are_shown_oldest_first(elsewhere: Command, server: Service, resident: Tenant) -> None:
    for name in ("ann", "ben", "cid"):
        server.call(resident.key, "CreateUser", UserName=name)
    words = ("audit", "tail", "--endpoint-url", server.url)
    shown = elsewhere(*words, "--limit", "2", "--json", **credentials(resident))
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [record["parameters"]["UserName"] for record in records] == ["ben", "cid"]
    lines = elsewhere(*words, **credentials(resident)).stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["user.create.done"] * 3 + ["audit.read.done"]


def test_a_line_tells_who_asked_for_what_and_why_it_was_refused(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    role = f"arn:aws:iam::{resident.account_id}:role/nobody"
    server.call(resident.key, "CreateUser", UserName="ann")
    server.call(resident.key, "CreateUser", UserName="ann")
    server.call(resident.key, "AssumeRole", "sts", RoleArn=role, RoleSessionName="me")
    words = ("audit", "tail", "--endpoint-url", server.url)
    made, taken, denied = (
        re.split(" {2,}", line)
        for line in elsewhere(*words, "--limit", "3", **credentials(resident)).stdout.splitlines()
    )
    user = f"arn:aws:iam::{resident.account_id}:user/ann"
    assert made[1:] == ["user.create.done", made[2], "iam:CreateUser", user, "-", "127.0.0.1"]
    assert taken[1:] == ["user.create.refused", made[2], "iam:CreateUser", user, "EntityAlreadyExists", "127.0.0.1"]
    assert denied[1:] == ["role.assume.refused", made[2], "sts:AssumeRole", role, denied[5], "127.0.0.1"]
    assert ": no allow" in denied[5]
    only = elsewhere(*words, "--denied", "--limit", "1", "--json", **credentials(resident)).stdout.splitlines()
    assert [json.loads(line)["event"] for line in only] == ["role.assume.refused"]


def test_the_endpoint_and_credentials_are_found_as_an_sdk_finds_them(
    elsewhere: Command, server: Service, resident: Tenant, tmp_path: Path
) -> None:
    server.call(resident.key, "CreateUser", UserName="ann")
    (tmp_path / "credentials").write_text(
        f"[auditor]\naws_access_key_id = {resident.key.access_key_id}\naws_secret_access_key = {resident.key.secret}\n"
    )
    files = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": None,
        "AWS_SECRET_ACCESS_KEY": None,
    }
    words = ("audit", "tail", "--profile", "auditor")
    assert "user.create.done" in elsewhere(*words, AWS_ENDPOINT_URL=server.url + "/", **files).stdout
    assert "user.create.done" in elsewhere(*words, STS_ISSUER=server.url, **files).stdout
    missing = elsewhere("audit", "tail", "--profile", "nobody", **files)
    assert (missing.exit_code, "No credentials are found" in missing.stderr) == (1, True)
    none = elsewhere("audit", "tail", **files)
    assert (none.exit_code, "No credentials are found" in none.stderr) == (1, True)


def test_what_the_service_refuses_is_told_with_its_reason(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    wrong = {**credentials(resident), "AWS_SECRET_ACCESS_KEY": "wrong"}
    result = elsewhere("audit", "tail", "--endpoint-url", server.url, **wrong)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: SignatureDoesNotMatch: ")
    assert "wrong" not in result.output


def test_a_service_that_is_not_there_is_told_in_words(elsewhere: Command, resident: Tenant) -> None:
    result = elsewhere("audit", "tail", "--endpoint-url", "http://127.0.0.1:9", **credentials(resident))
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in result.stderr


def test_following_shows_what_comes_and_ends_with_ctrl_c(server: Service, resident: Tenant, tmp_path: Path) -> None:
    server.call(resident.key, "CreateUser", UserName="ann")
    environment = {**os.environ, **credentials(resident), "STS_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "sts", "audit", "tail", "--endpoint-url", server.url, "--follow", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["parameters"]["UserName"] == "ann"
        server.call(resident.key, "CreateUser", UserName="ben")
        assert json.loads(tail.stdout.readline())["parameters"]["UserName"] == "ben"
        tail.send_signal(signal.SIGINT)
        assert tail.wait() == 0


def connect(server: Service, resident: Tenant, monkeypatch: pytest.MonkeyPatch) -> Connection:
    for name, value in credentials(resident).items():
        monkeypatch.setenv(name, value)
    return open_connection(server.url, None)


def test_following_leaves_its_own_reading_out_and_shows_each_record_once(
    server: Service, resident: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(connect(server, resident, monkeypatch))
    names = iter(["ann", "ben", "cid"])

    def make_another() -> None:
        server.call(resident.key, "CreateUser", UserName=next(names))

    assert tail.read_latest(20) == []
    following = tail.follow(make_another)
    shown = [next(following) for _ in range(3)]
    assert [record["parameters"]["UserName"] for record in shown] == ["ann", "ben", "cid"]


def test_following_does_not_begin_before_what_was_shown(
    server: Service, resident: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "ben"):
        server.call(resident.key, "CreateUser", UserName=name)
    tail = Tail(connect(server, resident, monkeypatch))
    assert [record["parameters"]["UserName"] for record in tail.read_latest(1)] == ["ben"]

    def make_another() -> None:
        server.call(resident.key, "CreateUser", UserName="cid")

    following = tail.follow(make_another)
    assert next(following)["parameters"]["UserName"] == "cid"


@pytest.mark.parametrize("endpoint", ["", "sts.example.com", "ftp://sts.example.com", "http://"])
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(Malformed, match="is not an address"):
        open_connection(endpoint, None)


class Stranger(BaseHTTPRequestHandler):
    """Answers with whatever it is told to, as some other service might."""

    answer: ClassVar[tuple[int, bytes]] = (200, b"")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("location", "http://127.0.0.1:9/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Keep quiet."""


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ((200, b"<html>"), Unavailable, "answers 200 with something else than this service's JSON$"),
        ((200, b"[]"), Unavailable, "something else than this service's JSON: \\[\\]$"),
        ((502, b""), Unavailable, "answers 502 with something else than this service's JSON$"),
        (
            (503, b"<html><body><h1>503 Service Unavailable</h1>\nNo\x1b[31m server&#27;[0m.\n</body></html>\n"),
            Unavailable,
            r"answers 503 .* JSON: 503 Service Unavailable No\[31m server\[0m\.$",
        ),
        ((504, b"\xff" + b"x" * 1_000), Unavailable, "JSON: \N{REPLACEMENT CHARACTER}x{299}$"),
        ((200, b"{}"), Unavailable, "something else than records"),
        ((302, b"{}"), Refusal, "302: no reason is given"),
        ((503, b'{"__type": "ServiceUnavailable", "message": "down"}'), Unavailable, "ServiceUnavailable: down"),
    ],
)
def test_another_service_behind_the_address_is_told_in_words(
    answer: tuple[int, bytes], kind: type[Refusal], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setattr(Stranger, "answer", answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        thread = threading.Thread(target=stranger.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(kind, match=reason):
                Tail(open_connection(f"http://127.0.0.1:{stranger.server_port}", None)).read_latest(1)
        finally:
            stranger.shutdown()
            thread.join()
