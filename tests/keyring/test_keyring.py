"""The keyring in use: one tick of the clock and the key rotates."""

import base64
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sts.clock import ManualClock
from sts.crypto.jwk import parse_key_set
from sts.crypto.jws import parse_jws, verify_jws
from sts.entropy import Entropy
from sts.errors import KeysRefused, KeyUnknown, RotationUnderWay, SealBroken, TokenInvalid, Unavailable
from sts.keyring import keyfiles
from sts.keyring.keyring import KeyRecord, Keyring, open_keyring
from sts.keyring.rotation import KeyState, Purpose, Schedule
from tests.keyring.conftest import START

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
TYPE = "sts-session+jwt"


@pytest.fixture
def folder(tmp_path: Path, first_folder: Path) -> Path:
    return Path(shutil.copytree(first_folder, tmp_path / "keys"))


@pytest.fixture
def keyring(folder: Path, clock: ManualClock) -> Keyring:
    return _open(folder, clock)


def _open(folder: Path, clock: ManualClock) -> Keyring:
    numbers = count()
    return open_keyring(folder, clock, Entropy(lambda length: next(numbers).to_bytes(length, "big")), create=False)


def _published(keyring: Keyring) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(keyring.jwks()[0])["keys"]
    return keys


def _records(keyring: Keyring) -> tuple[KeyRecord, ...]:
    return keyring.keys()


def _kid(token: str) -> str:
    return str(parse_jws(token).unverified_header["kid"])


def test_the_first_start_makes_a_current_key_for_every_use(keyring: Keyring) -> None:
    made = {(key.purpose, key.algorithm, key.state) for key in _records(keyring)}
    assert {(purpose, algorithm) for purpose, algorithm, _ in made} == {
        (Purpose.SIGNING, "ES256"),
        (Purpose.SIGNING, "RS256"),
        (Purpose.SIGNING, "ES384"),
        (Purpose.DERIVATION, None),
        (Purpose.SEALING, None),
        (Purpose.AUDIT, None),
        (Purpose.MARKER, None),
        (Purpose.PEPPER, None),
    }
    assert {state for _, _, state in made} == {KeyState.CURRENT}


def test_a_second_start_makes_nothing(folder: Path, clock: ManualClock, keyring: Keyring) -> None:
    again = open_keyring(folder, clock, Entropy(), create=True)
    assert again.keys() == keyring.keys()
    assert again.jwks() == keyring.jwks()


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "ES384"])
def test_a_token_verifies_here_and_with_the_published_keys(keyring: Keyring, algorithm: str) -> None:
    token = keyring.sign_token(TYPE, b'{"sub":"a"}', algorithm)
    assert keyring.verify_token(token, TYPE) == b'{"sub":"a"}'
    verified = verify_jws(token, parse_key_set(keyring.jwks()[0]), [algorithm])
    assert verified.header == {"alg": algorithm, "kid": _kid(token), "typ": TYPE}


def test_other_algorithms_are_made_when_they_are_configured(tmp_path: Path, clock: ManualClock) -> None:
    keyring = open_keyring(tmp_path / "k", clock, Entropy(), create=True, algorithms=("EdDSA", "ES256"))
    token = keyring.sign_token(TYPE, b"{}", "EdDSA")
    assert keyring.verify_token(token, TYPE) == b"{}"
    with pytest.raises(KeyUnknown, match="RS256"):
        keyring.sign_token(TYPE, b"{}", "RS256")


def test_a_token_of_another_type_is_refused(keyring: Keyring) -> None:
    token = keyring.sign_token("at+jwt", b"{}")
    with pytest.raises(TokenInvalid):
        keyring.verify_token(token, TYPE)


def test_the_key_set_is_public_only(keyring: Keyring) -> None:
    document, etag = keyring.jwks()
    members = {member for key in _published(keyring) for member in key}
    assert members == {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
    assert len(_published(keyring)) == 3
    assert keyring.jwks() == (document, etag)
    assert etag.startswith('"')


def test_the_keys_of_some_algorithms_are_a_set_of_their_own(keyring: Keyring) -> None:
    document, etag = keyring.jwks_of(("RS256", "ES384"))
    assert json.loads(document)["keys"] == [key for key in _published(keyring) if key["alg"] != "ES256"]
    assert etag not in {keyring.jwks()[1], keyring.jwks_of(("RS256",))[1]}
    assert keyring.jwks_of(("ES384", "RS256")) == (document, etag)
    assert keyring.jwks_of(("ES256", "RS256", "ES384")) == keyring.jwks()


def test_a_key_is_published_then_signs_then_verifies_then_is_gone(keyring: Keyring, clock: ManualClock) -> None:
    old = keyring.sign_token(TYPE, b"{}")
    (made,) = keyring.rotate(Purpose.SIGNING, "ES256")
    assert (made.state, made.works_from) == (KeyState.NEXT, START + DAY)
    assert {key["kid"] for key in _published(keyring)} >= {made.kid, _kid(old)}
    clock.tick(DAY - SECOND)
    assert _kid(keyring.sign_token(TYPE, b"{}")) == _kid(old)
    clock.tick(SECOND)
    late, new = old, keyring.sign_token(TYPE, b"{}")
    assert _kid(new) == made.kid
    clock.tick(timedelta(hours=36, seconds=59))
    assert keyring.verify_token(late, TYPE) == b"{}"
    clock.tick(SECOND)
    with pytest.raises(KeyUnknown):
        keyring.verify_token(late, TYPE)
    assert keyring.verify_token(new, TYPE) == b"{}"
    assert _kid(old) not in {key["kid"] for key in _published(keyring)}


def test_the_keys_of_a_later_instant_change_nothing_now(keyring: Keyring) -> None:
    old = keyring.sign_token(TYPE, b"{}")
    (made,) = keyring.rotate(Purpose.SIGNING, "ES256", soon=True)
    later = {key.kid for key in keyring.key_set(START + 3 * DAY).keys}
    assert made.kid in later
    assert _kid(old) not in later
    assert {_kid(old), made.kid} <= {key.kid for key in keyring.key_set(START).keys}
    assert _kid(keyring.sign_token(TYPE, b"{}")) == _kid(old)


def test_a_second_rotation_is_refused_and_an_emergency_is_not(keyring: Keyring) -> None:
    old = _kid(keyring.sign_token(TYPE, b"{}"))
    keyring.rotate(Purpose.SIGNING, "ES256", soon=True)
    with pytest.raises(RotationUnderWay):
        keyring.rotate(Purpose.SIGNING, "ES256")
    (made,) = keyring.rotate(Purpose.SIGNING, "ES256", emergency=True)
    assert _kid(keyring.sign_token(TYPE, b"{}")) == made.kid != old
    assert [key.state for key in _records(keyring) if key.algorithm == "ES256"] == [KeyState.OLD, KeyState.CURRENT]


def test_a_refused_rotation_of_all_algorithms_makes_no_key(keyring: Keyring) -> None:
    keyring.rotate(Purpose.SIGNING, "ES384")
    before = keyring.keys()
    with pytest.raises(RotationUnderWay):
        keyring.rotate(Purpose.SIGNING)
    assert keyring.keys() == before


def test_a_removed_key_refuses_at_once(keyring: Keyring) -> None:
    token = keyring.sign_token(TYPE, b"{}")
    removed = {key["kid"] for key in _published(keyring)}
    keyring.remove(Purpose.SIGNING, 1)
    with pytest.raises(KeyUnknown):
        keyring.verify_token(token, TYPE)
    published = {key["kid"] for key in _published(keyring)}
    assert len(published) == len(removed) == 3
    assert not removed & published
    assert keyring.verify_token(keyring.sign_token(TYPE, b"{}"), TYPE) == b"{}"


def test_a_process_whose_clock_is_behind_takes_up_the_successor_of_a_removed_key_too(
    folder: Path, clock: ManualClock
) -> None:
    behind, ahead = _open(folder, ManualClock(clock.now() - timedelta(seconds=50))), _open(folder, clock)
    old = ahead.sign_token(TYPE, b"{}")
    ahead.remove(Purpose.SIGNING, 1, "ES256")
    assert behind.refresh()
    with pytest.raises(KeyUnknown):
        behind.verify_token(old, TYPE)
    assert behind.verify_token(ahead.sign_token(TYPE, b"{}"), TYPE) == b"{}"
    assert ahead.verify_token(behind.sign_token(TYPE, b"{}"), TYPE) == b"{}"


def test_the_writer_makes_what_is_due_and_removes_what_is_gone(
    keyring: Keyring, clock: ManualClock, folder: Path
) -> None:
    assert keyring.tend() == ()
    clock.tick(29 * DAY)
    assert {life.algorithm for life in keyring.tend()} == {"ES256", "RS256", "ES384"}
    clock.tick(3 * DAY)
    keyring.tend()
    assert not (folder / "signing-ES256-1.json").exists()
    assert (folder / "signing-ES256-2.json").exists()
    assert (folder / "sealing-1.json").exists()


def test_an_unknown_key_makes_it_look_once_with_a_brake(
    folder: Path, clock: ManualClock, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _open(folder, clock)
    other.rotate(Purpose.SIGNING, "ES256", emergency=True)
    assert keyring.verify_token(other.sign_token(TYPE, b"{}"), TYPE) == b"{}"

    read = 0
    original = keyfiles.read_keys

    def counted(place: Path) -> tuple[keyfiles.StoredKey, ...]:
        nonlocal read
        read += 1
        return original(place)

    monkeypatch.setattr(keyfiles, "read_keys", counted)
    header = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"nobody"}').decode().rstrip("=")
    clock.tick(SECOND)
    for _ in range(50):
        with pytest.raises(KeyUnknown):
            keyring.verify_token(f"{header}.e30.AAAA", TYPE)
    assert read == 1
    clock.tick(SECOND)
    with pytest.raises(KeyUnknown):
        keyring.verify_token(f"{header}.e30.AAAA", TYPE)
    assert read == 2


def test_a_change_of_the_folder_is_seen_by_refresh(folder: Path, clock: ManualClock, keyring: Keyring) -> None:
    assert keyring.refresh() is False
    _open(folder, clock).rotate(Purpose.SEALING)
    assert keyring.refresh() is True
    assert [key.state for key in _records(keyring) if key.purpose is Purpose.SEALING] == [
        KeyState.CURRENT,
        KeyState.NEXT,
    ]


def test_a_bad_folder_later_on_leaves_the_known_keys_in_use(folder: Path, keyring: Keyring) -> None:
    token = keyring.sign_token(TYPE, b"{}")
    (folder / "signing-ES256-2.json").write_text("{}")
    with pytest.raises(KeysRefused, match=r"signing-ES256-2\.json"):
        keyring.refresh()
    assert keyring.verify_token(token, TYPE) == b"{}"
    with pytest.raises(KeyUnknown) as refused:
        keyring.derive_secret(9, "a")
    assert "signing-ES256-2.json" in str(refused.value.detail)


def test_requests_do_not_touch_the_disk(folder: Path, keyring: Keyring) -> None:
    token = keyring.sign_token(TYPE, b"{}")
    value = keyring.seal(b"x", b"place")
    shutil.rmtree(folder)
    assert keyring.verify_token(token, TYPE) == b"{}"
    assert keyring.open_sealed(value, b"place") == b"x"
    assert keyring.derive_secret(None, "a")[0] == 1
    assert keyring.jwks()


def test_a_secret_is_derived_from_all_its_parts_and_its_key(keyring: Keyring, clock: ManualClock) -> None:
    version, secret = keyring.derive_secret(None, "jti", "ASIA", "AROA", "1")
    assert (version, len(base64.b64decode(secret)), len(secret), repr(secret)) == (1, 30, 40, "***")
    assert keyring.derive_secret(1, "jti", "ASIA", "AROA", "1") == (1, secret)
    others = [("jti", "ASIA", "AROA", "2"), ("jtiA", "SIA", "AROA", "1"), ("jti", "ASIA", "AROA1"), ("jti",)]
    assert secret not in {keyring.derive_secret(1, *parts)[1] for parts in others}
    keyring.rotate(Purpose.DERIVATION)
    clock.tick(timedelta(minutes=5))
    assert keyring.derive_secret(None, "jti", "ASIA", "AROA", "1")[0] == 2
    assert keyring.derive_secret(1, "jti", "ASIA", "AROA", "1") == (1, secret)
    clock.tick(timedelta(hours=36, seconds=60))
    with pytest.raises(KeyUnknown):
        keyring.derive_secret(1, "jti", "ASIA", "AROA", "1")


def test_a_rotation_of_the_sealing_key_loses_no_value(keyring: Keyring, clock: ManualClock) -> None:
    value = keyring.seal(b"secret", b"AKIA1")
    assert keyring.find_resealed(value, b"AKIA1") is None
    keyring.rotate(Purpose.SEALING)
    clock.tick(timedelta(minutes=5))
    assert keyring.open_sealed(value, b"AKIA1") == b"secret"
    again = keyring.find_resealed(value, b"AKIA1")
    assert again is not None
    assert keyring.open_sealed(again, b"AKIA1") == b"secret"
    clock.tick(timedelta(minutes=5))
    keyring.remove(Purpose.SEALING, 1)
    with pytest.raises(SealBroken):
        keyring.open_sealed(value, b"AKIA1")
    assert keyring.open_sealed(again, b"AKIA1") == b"secret"


def test_a_mac_holds_for_its_purpose_label_and_data_only(keyring: Keyring) -> None:
    version, made = keyring.mac(Purpose.MARKER, b"page", b"data")
    keyring.verify_mac(Purpose.MARKER, b"page", b"data", version=version, claimed=made)
    for purpose, label, data, other in [
        (Purpose.AUDIT, b"page", b"data", 1),
        (Purpose.MARKER, b"session", b"data", 1),
        (Purpose.MARKER, b"page", b"datb", 1),
        (Purpose.MARKER, b"page", b"data", 2),
    ]:
        with pytest.raises(SealBroken):
            keyring.verify_mac(purpose, label, data, version=other, claimed=made)


def test_a_folder_without_a_wanted_key_refuses_to_open(folder: Path, clock: ManualClock) -> None:
    (folder / "sealing-1.json").unlink()
    (folder / "signing-ES384-1.json").unlink()
    with pytest.raises(KeysRefused, match="lacks a current key: ES384 signing, sealing"):
        _open(folder, clock)


def test_damaged_keys_refuse_to_open_by_name(folder: Path, clock: ManualClock) -> None:
    _alter(folder / "signing-ES256-1.json", d="AAAA")
    _alter(folder / "sealing-1.json", k="AAAA")
    _alter(folder / "audit-1.json", kty="EC")
    stored = json.loads((folder / "signing-ES384-1.json").read_text())
    stored["algorithm"] = "EdDSA"
    other = folder / "signing-EdDSA-1.json"
    other.write_text(json.dumps(stored))
    other.chmod(0o600)
    with pytest.raises(KeysRefused) as refused:
        _open(folder, clock)
    for name in ("signing-ES256-1.json", "sealing-1.json", "audit-1.json", "signing-EdDSA-1.json"):
        assert name in refused.value.message


def _alter(path: Path, **members: str) -> None:
    stored = json.loads(path.read_text())
    stored["jwk"].update(members)
    path.write_text(json.dumps(stored))


def test_a_key_that_cannot_be_written_is_unavailable(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        open_keyring(tmp_path / "file" / "keys", clock, Entropy(), create=True)


def test_no_secret_shows_itself(keyring: Keyring, folder: Path) -> None:
    shown = repr(keyring) + repr(keyring.keys()) + repr(keyring._reading.ring) + repr(keyfiles.read_keys(folder))
    for path in folder.glob("*.json"):
        jwk = json.loads(path.read_text())["jwk"]
        assert all(jwk[member] not in shown for member in ("k", "d", "p") if member in jwk)


class Interrupted(Schedule):
    """A schedule that lets something happen, once, while keys are arranged by it."""

    meanwhile: ClassVar[list[Callable[[], object]]] = []

    def __getattribute__(self, name: str) -> Any:
        if name == "longest_token" and self.meanwhile:
            self.meanwhile.pop()()
        return super().__getattribute__(name)


def test_a_removal_that_is_read_while_keys_are_arranged_is_not_undone(folder: Path, clock: ManualClock) -> None:
    algorithms = ("ES256", "RS256", "ES384")
    server = Keyring(folder, clock, Entropy(), Interrupted(), algorithms)
    token = server.sign_token(TYPE, b"{}")
    operator = _open(folder, clock)
    assert operator.rotate(Purpose.MARKER)  # an instant at which keys are arranged anew
    assert server.refresh()
    clock.tick(timedelta(minutes=6))
    (removed,) = (key.version for key in _records(operator) if key.algorithm == "ES256" and key.state == "current")
    operator.remove(Purpose.SIGNING, removed, "ES256")
    Interrupted.meanwhile.append(server.refresh)
    server.jwks()  # crosses the instant, and is overtaken by the removal
    assert not Interrupted.meanwhile
    server.refresh()
    with pytest.raises(KeyUnknown):
        server.verify_token(token, TYPE)
