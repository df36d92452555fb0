"""The key folder: private, written whole, and refused with all its faults at once."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sts.errors import KeysRefused, Unavailable
from sts.keyring import keyfiles
from sts.keyring.keyfiles import (
    StoredKey,
    file_name,
    holds_keys,
    make_folder,
    mark_folder,
    read_keys,
    remove_key,
    write_key,
    writing,
)
from sts.keyring.rotation import KeyLife, Purpose

SECRET_TEXT = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"


def _key(version: int = 1, purpose: Purpose = Purpose.SEALING) -> StoredKey:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    life = KeyLife(purpose=purpose, algorithm=None, version=version, made_at=at, works_from=at, asked=False)
    return StoredKey(life, {"kty": "oct", "k": SECRET_TEXT})


@contextmanager
def _as_somebody_else() -> Iterator[None]:
    """Act as a user whom permissions keep out, which they do not the administrator of the machine."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "keys"
    make_folder(place)
    return place


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_key_is_read_back_and_is_its_owners_alone(folder: Path) -> None:
    write_key(folder, _key())
    assert read_keys(folder) == (_key(),)
    assert (_mode(folder), _mode(folder / "sealing-1.json")) == (0o700, 0o600)
    assert [entry.name for entry in folder.iterdir()] == ["sealing-1.json"]
    assert next(iter(json.loads((folder / "sealing-1.json").read_text()))) == "format"


def test_a_key_file_is_never_written_over(folder: Path) -> None:
    write_key(folder, _key())
    before = (folder / "sealing-1.json").read_bytes()
    with pytest.raises(Unavailable, match=r"sealing-1\.json"):
        write_key(folder, StoredKey(_key().life, {"kty": "oct", "k": "b3RoZXI"}))
    assert (folder / "sealing-1.json").read_bytes() == before
    assert len(list(folder.iterdir())) == 1


def test_other_files_are_left_alone(folder: Path) -> None:
    (folder / "README.md").write_text("about this folder")
    (folder / ".gitignore").write_text("*")
    assert read_keys(folder) == ()


def test_an_open_folder_is_made_private(folder: Path) -> None:
    folder.chmod(0o755)
    read_keys(folder)
    assert _mode(folder) == 0o700


def test_all_faults_are_told_at_once_and_none_tells_a_secret(folder: Path) -> None:
    for version in range(1, 8):
        write_key(folder, _key(version))
    (folder / "sealing-1.json").chmod(0o640)
    (folder / "sealing-2.json").write_text("{")
    text = (folder / "sealing-3.json").read_text()
    (folder / "sealing-3.json").write_text(text.replace("sts-key-1", "sts-key-9"))
    (folder / "sealing-4.json").write_text(text)
    (folder / "sealing-5.json").unlink()
    (folder / "sealing-5.json").symlink_to(folder / "sealing-6.json")
    (folder / "signing.json").write_text("{}")
    (folder / "sealing-7.json").write_text(text.replace('"version": 3', '"version": true'))
    with pytest.raises(KeysRefused) as refused:
        read_keys(folder)
    told = refused.value.message
    assert "sealing-1.json can be used by others (mode 0640, wanted 0600)" in told
    assert "sealing-2.json is not a JSON object" in told
    assert "sealing-3.json has an unknown format" in told
    assert "sealing-4.json holds another key than its name says" in told
    assert "sealing-5.json is a link" in told
    assert "sealing-6.json" not in told
    assert "sealing-7.json has a member of a wrong type" in told
    assert "signing.json is not the name of a key file" in told
    assert SECRET_TEXT not in told + repr(refused.value.detail)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("purpose", "unknown"),
        ("made_at", "yesterday"),
        ("made_at", "2026-03-01T12:00:00"),
        ("works_from", 5),
        ("algorithm", "ES256"),
        ("jwk", "k"),
        ("format", None),
        ("more", 1),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(folder: Path, member: str, value: object) -> None:
    write_key(folder, _key())
    path = folder / "sealing-1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {member: value}))
    with pytest.raises(KeysRefused, match=r"sealing-1\.json"):
        read_keys(folder)


def test_a_file_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_key(folder, _key())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(KeysRefused, match="belongs to another user"):
        read_keys(folder)


def test_a_pipe_in_place_of_a_key_does_not_hold_up_the_start(folder: Path) -> None:
    os.mkfifo(folder / "sealing-1.json", 0o600)
    with pytest.raises(KeysRefused, match="not a regular file"):
        read_keys(folder)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysRefused):
        read_keys(tmp_path / "none")


def test_a_folder_that_may_not_be_read_is_refused_with_its_path_and_reason(folder: Path) -> None:
    write_key(folder, _key())
    folder.chmod(0)
    told = f"The key folder {folder} cannot be read: Permission denied"
    with _as_somebody_else():
        for read in (holds_keys, mark_folder, read_keys):
            with pytest.raises(KeysRefused, match=told):
                read(folder)


def test_the_mark_changes_when_a_key_comes_or_goes(folder: Path) -> None:
    marks = [mark_folder(folder)]
    write_key(folder, _key())
    marks.append(mark_folder(folder))
    assert mark_folder(folder) == marks[1]
    remove_key(folder, _key().life)
    marks.append(mark_folder(folder))
    assert len({mark[1:] for mark in marks}) == 3


def test_the_name_of_a_signing_key_names_its_algorithm() -> None:
    life = KeyLife(
        purpose=Purpose.SIGNING,
        algorithm="ES256",
        version=12,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        works_from=datetime(2026, 1, 1, tzinfo=UTC),
        asked=False,
    )
    assert file_name(life) == "signing-ES256-12.json"


def test_a_folder_that_others_can_write_and_nobody_can_close_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _mode: int) -> None:
        raise PermissionError("a read-only mount")

    folder.chmod(0o777)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", refuse)
        with pytest.raises(KeysRefused, match="the folder can be written by others"):
            read_keys(folder)


def test_a_key_that_the_writer_takes_away_meanwhile_is_no_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_key(folder, _key(1))
    write_key(folder, _key(2))
    mark = mark_folder(folder)
    monkeypatch.setattr(keyfiles, "mark_folder", lambda _folder: mark)
    remove_key(folder, _key(1).life)
    assert read_keys(folder) == (_key(2),)


def test_a_folder_that_is_gone_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        remove_key(tmp_path / "none", _key().life)
    with pytest.raises(KeysRefused), writing(tmp_path / "none"):
        pass
