"""Copies of the store and of its keys: made while the service runs, put back elsewhere, and believed only if whole."""

import json
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sts.clock import SystemClock
from sts.store.database import open_database
from sts.store.versions import read_version
from tests.cli.conftest import Command
from tests.postgresql_server import PostgresqlServer
from tests.service import Service, running
from tests.signing import Key


@dataclass(frozen=True)
class Place:
    """A place for a store and its keys."""

    sts: Command
    environment: Mapping[str, str]

    def run(self, *words: str) -> Any:
        return self.sts.json(*words, **self.environment)

    def code(self, *words: str) -> tuple[int, str]:
        result = self.sts(*words, **self.environment)
        return result.exit_code, result.stderr

    @property
    def keys(self) -> Path:
        return self.sts.home / "keys"

    def serve(self) -> Iterator[Service]:
        with running(self.sts.home, SystemClock(), None, **self.environment) as service:
            yield service

    def read(self, statement: str) -> list[Any]:
        url = self.environment.get("STS_DATABASE_URL", f"sqlite:///{self.sts.home / 'sts.db'}")
        database = open_database(url)
        rows = database.read_now(lambda connection: list(connection.execute(text(statement))))
        database.close()
        return rows


NewPlace = Callable[[str], Place]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> NewPlace:
    """Makes places of one kind of store, each empty."""

    def make(name: str) -> Place:
        environment = {}
        if request.param == "postgresql":
            server: PostgresqlServer = request.getfixturevalue("postgresql")
            environment["STS_DATABASE_URL"] = server.url(server.make_database())
        (tmp_path / name).mkdir()
        return Place(Command(tmp_path / name), environment)

    return make


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    """A place with an account, on SQLite."""
    (tmp_path / "home").mkdir()
    place = Place(Command(tmp_path / "home"), {})
    place.run("init")
    return place


def _epoch(place: Place) -> str:
    return str(place.read("SELECT epoch FROM version")[0][0])


def _export(place: Place, file: Path) -> None:
    rows = place.read("SELECT body, mac FROM audit_checkpoint ORDER BY at")
    file.write_text("".join(json.dumps({"body": body, "mac": bytes(mac).hex()}) + "\n" for body, mac in rows))


def test_a_copy_that_is_put_back_signs_in_whom_it_knew_and_shows_what_it_lacks(
    new_place: NewPlace, tmp_path: Path
) -> None:
    lost, found = new_place("lost"), new_place("found")
    made = lost.run("init")
    admin = Key(made["access_key_id"], made["secret_access_key"])
    for service in lost.serve():
        assert service.call(admin, "CreateUser", UserName="before").status == 200
        copied = lost.run("backup", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
        assert service.call(admin, "CreateUser", UserName="after").status == 200
    assert copied["keys_copied"] == len(list(lost.keys.glob("*.json"))) > 0
    _export(lost, tmp_path / "checkpoints")
    lost.run("audit", "verify", "--checkpoint", str(tmp_path / "checkpoints"))

    restored = found.run("restore", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    assert restored["epoch"] == _epoch(found) != _epoch(lost)
    for service in found.serve():
        assert service.call(admin, "GetCallerIdentity", "sts").text("Account") == made["account_id"]
        assert service.call(admin, "GetUser", UserName="before").status == 200
        assert service.call(admin, "GetUser", UserName="after").code == "NoSuchEntity"
    assert found.run("audit", "verify")["faults"] == []
    code, told = found.code("audit", "verify", "--checkpoint", str(tmp_path / "checkpoints"))
    assert (code, "The audit does not hold" in told) == (1, True)
    events = [row[0] for row in found.read("SELECT event FROM audit_record")]
    assert "store.backup.done" in events
    assert "store.restore.done" in events


def test_what_a_process_remembers_of_the_time_before_is_not_believed(new_place: NewPlace, tmp_path: Path) -> None:
    lost, found = new_place("lost"), new_place("found")
    lost.run("init")
    lost.run("backup", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    lost.run("accounts", "create")
    found.run("restore", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    found.run("accounts", "create")  # the counter goes on to where the other's is
    versions = [place.read("SELECT epoch, counter FROM version")[0] for place in (lost, found)]
    assert versions[0].counter == versions[1].counter
    assert versions[0].epoch != versions[1].epoch


def test_a_copy_and_all_within_is_its_owners_alone(new_place: NewPlace, tmp_path: Path) -> None:
    place = new_place("home")
    place.run("init")
    place.run("backup", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    for folder in (tmp_path / "copy", tmp_path / "keys"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_where_there_is_a_store_or_a_key_nothing_is_put_back(new_place: NewPlace, tmp_path: Path) -> None:
    place, other = new_place("home"), new_place("other")
    place.run("init")
    copy, keys = str(tmp_path / "copy"), str(tmp_path / "keys")
    place.run("backup", copy, "--keys", keys)
    before = {file.name: file.read_bytes() for file in place.keys.iterdir()}
    assert place.code("restore", copy, "--keys", keys)[0] == 3
    assert place.code("restore", copy)[0] == 3
    assert place.code("backup", copy)[0] == 3
    assert place.code("backup", str(tmp_path / "another"), "--keys", keys)[0] == 3
    assert {file.name: file.read_bytes() for file in place.keys.iterdir()} == before
    code, told = other.code("restore", copy)
    assert (code, f"The key folder {other.keys} has no keys: name the folder of their copy with --keys" in told) == (
        1,
        True,
    )
    assert other.code("accounts", "list")[0] == 1  # no store was made


@pytest.mark.parametrize("name", ["store.sqlite", "backup.json", "backup.stamp"])
def test_a_copy_that_was_changed_is_not_put_back(name: str, sqlite_place: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    sqlite_place.run("backup", str(copy))
    contents = bytearray((copy / name).read_bytes())
    contents[len(contents) // 2] ^= 1
    (copy / name).write_bytes(contents)
    (sqlite_place.sts.home / "sts.db").rename(tmp_path / "gone.db")
    _drop_journals(sqlite_place)
    code, told = sqlite_place.code("restore", str(copy))
    assert code == 1
    assert "changed" in told
    assert not (sqlite_place.sts.home / "sts.db").exists()


def _drop_journals(place: Place) -> None:
    for end in ("-wal", "-shm"):
        (place.sts.home / f"sts.db{end}").unlink(missing_ok=True)


def test_a_copy_is_not_put_back_under_other_keys(sqlite_place: Place, tmp_path: Path) -> None:
    sqlite_place.run("backup", str(tmp_path / "copy"))
    (tmp_path / "other").mkdir()
    other = Place(Command(tmp_path / "other"), {})
    other.run("init")
    (other.sts.home / "sts.db").unlink()
    _drop_journals(other)
    code, told = other.code("restore", str(tmp_path / "copy"))
    assert (code, "no copy made under these keys" in told) == (1, True)


def test_a_copy_of_another_kind_of_store_is_told_of(
    sqlite_place: Place, tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    sqlite_place.run("backup", str(tmp_path / "copy"))
    url = {"STS_DATABASE_URL": postgresql.url(postgresql.make_database())}
    result = sqlite_place.sts("restore", str(tmp_path / "copy"), **url)
    assert (result.exit_code, "another kind of store" in result.stderr) == (1, True)


def test_journals_of_another_time_beside_the_file_refuse_a_restore(sqlite_place: Place, tmp_path: Path) -> None:
    sqlite_place.run("backup", str(tmp_path / "copy"))
    (sqlite_place.sts.home / "sts.db").unlink()
    _drop_journals(sqlite_place)
    (sqlite_place.sts.home / "sts.db-wal").write_bytes(b"of another time")
    code, told = sqlite_place.code("restore", str(tmp_path / "copy"))
    assert (code, "sts.db-wal" in told) == (3, True)


def test_a_store_that_other_means_put_back_begins_anew(new_place: NewPlace) -> None:
    place = new_place("home")
    place.run("init")
    before = _epoch(place)
    assert place.run("restore", "--here")["epoch"] == _epoch(place) != before
    assert place.run("audit", "verify")["faults"] == []
    assert len(place.run("accounts", "list")) == 1


def test_a_backup_that_fails_copies_no_key_and_leaves_nothing_behind(sqlite_place: Place, tmp_path: Path) -> None:
    copy, keys = tmp_path / "copy", tmp_path / "keys"
    copy.mkdir()
    assert sqlite_place.code("backup", str(copy), "--keys", str(keys))[0] == 3
    assert not keys.exists()
    copy.rmdir()
    keys.write_text("a file where the folder above should be")
    assert sqlite_place.code("backup", str(copy), "--keys", str(keys / "within"))[0] == 1
    assert not copy.exists()
    keys.unlink()
    assert sqlite_place.run("backup", str(copy), "--keys", str(keys))["keys_copied"] > 0
    assert {file.name for file in keys.iterdir()} == {file.name for file in sqlite_place.keys.glob("*.json")}


@pytest.mark.parametrize("keys", ["copy", "copy/keys", "other/../copy"])
def test_keys_are_not_copied_into_the_folder_of_the_store(sqlite_place: Place, tmp_path: Path, keys: str) -> None:
    code, told = sqlite_place.code("backup", str(tmp_path / "copy"), "--keys", str(tmp_path / keys))
    assert (code, "keep the keys apart" in told) == (2, True)
    assert not (tmp_path / "copy").exists()


def test_a_restore_that_fails_puts_no_key_back_so_that_the_next_one_may(new_place: NewPlace, tmp_path: Path) -> None:
    lost, found = new_place("lost"), new_place("found")
    lost.run("init")
    copy, keys = tmp_path / "copy", str(tmp_path / "keys")
    lost.run("backup", str(copy), "--keys", keys)
    code, told = found.code("restore", str(tmp_path / "copyy"), "--keys", keys)
    assert (code, f"{tmp_path / 'copyy'} holds no copy: there is no backup.json in it" in told) == (1, True)
    [stored] = copy.glob("store.*")
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1])
    assert found.code("restore", str(copy), "--keys", keys)[0] == 1
    assert not found.keys.exists()
    stored.write_bytes(whole)
    assert found.run("restore", str(copy), "--keys", keys)["epoch"] == _epoch(found)


def test_keys_that_were_put_back_go_again_when_the_store_cannot_be(sqlite_place: Place, tmp_path: Path) -> None:
    copy, keys = str(tmp_path / "copy"), str(tmp_path / "keys")
    sqlite_place.run("backup", copy, "--keys", keys)
    (tmp_path / "found").mkdir()
    found = Place(Command(tmp_path / "found"), {"STS_DATABASE_URL": f"sqlite:///{tmp_path / 'missing' / 'sts.db'}"})
    code, told = found.code("restore", copy, "--keys", keys)
    assert (code, str(tmp_path / "missing") in told) == (1, True)
    assert not found.keys.exists()
    (tmp_path / "missing").mkdir()
    assert found.run("restore", copy, "--keys", keys)["epoch"] == _epoch(found)


@pytest.mark.parametrize("words", [(), ("copy", "--here"), ("--here", "--keys", "keys")])
def test_a_restore_of_nothing_or_of_two_things_is_wrong_usage(sqlite_place: Place, words: tuple[str, ...]) -> None:
    assert sqlite_place.code("restore", *words)[0] == 2


def test_without_the_programs_of_postgresql_a_backup_says_what_to_install(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    (tmp_path / "home").mkdir()
    place = Place(Command(tmp_path / "home"), {"STS_DATABASE_URL": postgresql.url(postgresql.make_database())})
    place.run("init")
    result = place.sts("backup", str(tmp_path / "copy"), PATH=str(tmp_path), **place.environment)
    assert (result.exit_code, "pg_dump is not on PATH" in result.stderr) == (1, True)
    assert not (tmp_path / "copy").exists()


def test_a_password_is_told_to_no_list_of_processes(
    tmp_path: Path, postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that is started is looked at by one of the same name, since the real one is gone too soon."""
    url = postgresql.url(postgresql.make_database()).replace("postgres@", "postgres:hush@")
    (tmp_path / "home").mkdir()
    place = Place(Command(tmp_path / "home"), {"STS_DATABASE_URL": url})
    place.run("init")
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "pg_dump"
    spy.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\necho "$PGPASSWORD $PGHOST" > {tmp_path}/told\nexit 1\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    code, said = place.code("backup", str(tmp_path / "copy"))
    assert (code, "pg_dump did not end well" in said) == (1, True)
    assert (tmp_path / "told").read_text() == "hush 127.0.0.1\n"
    assert "hush" not in (tmp_path / "words").read_text() + said


def test_a_copy_of_a_sqlite_file_is_whole_beside_its_write_ahead_log(sqlite_place: Place, tmp_path: Path) -> None:
    sqlite_place.run("backup", str(tmp_path / "copy"))
    with closing(sqlite3.connect(tmp_path / "copy" / "store.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database = open_database(f"sqlite:///{tmp_path / 'copy' / 'store.sqlite'}")
    assert database.read_now(read_version).counter > 0
    database.close()
