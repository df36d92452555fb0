"""Two hosts, each with a folder of its own: keys are made in one and copied to the other, which only reads."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import KeyUnknown, SealBroken
from sts.keyring.keyring import Keyring, open_keyring
from sts.keyring.rotation import KeyState, Purpose, Schedule

SECOND = timedelta(seconds=1)
TYPE = "sts-session+jwt"


@pytest.fixture
def folders(first_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The folder of the host that makes keys, and that of the other."""
    made, copied = (Path(shutil.copytree(first_folder, tmp_path / name)) for name in ("made", "copied"))
    return made, copied


@pytest.fixture
def hosts(folders: tuple[Path, Path], clock: ManualClock) -> tuple[Keyring, Keyring]:
    writer, reader = (open_keyring(folder, clock, Entropy(), create=False) for folder in folders)
    return writer, reader


def copy(folders: tuple[Path, Path]) -> None:
    """Copy what the other host lacks, as a tool that copies files does."""
    made, copied = folders
    for file in made.glob("*.json"):
        if not (copied / file.name).exists():
            shutil.copy2(file, copied / file.name)


def test_a_key_that_is_copied_before_it_works_is_known_wherever_it_is_shown(
    folders: tuple[Path, Path], hosts: tuple[Keyring, Keyring], clock: ManualClock
) -> None:
    writer, reader = hosts
    for purpose in (Purpose.SIGNING, Purpose.DERIVATION, Purpose.SEALING):
        writer.rotate(purpose)
    copy(folders)
    reader.refresh()
    assert reader.jwks() == writer.jwks()
    for span in (SECOND, Schedule().lead, Schedule().publish_ahead):
        clock.tick(span)
        token, sealed = writer.sign_token(TYPE, b"{}"), writer.seal(b"secret", b"place")
        version, secret = writer.derive_secret(None, "jti")
        assert reader.verify_token(token, TYPE) == b"{}"
        assert reader.open_sealed(sealed, b"place") == b"secret"
        assert reader.derive_secret(version, "jti") == (version, secret)
    assert (version, reader.current_version(Purpose.SEALING)) == (2, 2)


def test_a_key_that_is_copied_too_late_is_refused_until_it_is_there_and_then_taken_without_a_restart(
    folders: tuple[Path, Path], hosts: tuple[Keyring, Keyring], clock: ManualClock
) -> None:
    writer, reader = hosts
    for purpose in (Purpose.SIGNING, Purpose.SEALING):
        writer.rotate(purpose, emergency=True)
    token, sealed = writer.sign_token(TYPE, b"{}"), writer.seal(b"secret", b"place")
    with pytest.raises(KeyUnknown):
        reader.verify_token(token, TYPE)
    clock.tick(SECOND)
    with pytest.raises(SealBroken):
        reader.open_sealed(sealed, b"place")
    copy(folders)
    clock.tick(SECOND)
    assert reader.verify_token(token, TYPE) == b"{}"
    assert reader.open_sealed(sealed, b"place") == b"secret"


def test_a_host_that_lacks_the_next_key_signs_on_with_one_that_all_others_still_verify(
    hosts: tuple[Keyring, Keyring], clock: ManualClock
) -> None:
    writer, reader = hosts
    writer.rotate(Purpose.SIGNING, "ES256")
    clock.tick(Schedule().publish_ahead + SECOND)
    records = writer.keys()
    assert {key.state for key in records if (key.algorithm, key.version) == ("ES256", 1)} == {KeyState.OLD}
    assert writer.verify_token(reader.sign_token(TYPE, b"{}"), TYPE) == b"{}"


def test_two_folders_that_are_both_written_to_come_apart_which_is_why_one_is_mounted_read_only(
    folders: tuple[Path, Path], hosts: tuple[Keyring, Keyring], clock: ManualClock
) -> None:
    writer, other = hosts
    clock.tick(Schedule().signs_for - timedelta(hours=1))
    assert writer.tend() != ()
    assert other.tend() != ()
    copy(folders)
    clock.tick(Schedule().publish_ahead + SECOND)
    with pytest.raises(KeyUnknown):
        other.verify_token(writer.sign_token(TYPE, b"{}"), TYPE)
