import asyncio
import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sts.cache import MemoryCache
from sts.clock import ManualClock
from sts.credentials import Credentials, Grant, TemporaryCredentials
from sts.entropy import Entropy, find_account_of_access_key
from sts.errors import CredentialUnknown, PackedTooLarge, SessionEnded
from sts.foundation import Foundation, lay_foundation
from sts.keyring.rotation import Purpose
from sts.model import Hop, Secret, Session
from sts.settings import read_settings
from sts.store.sqlite import SqliteDatabase
from sts.store.watched import WatchedDatabase
from sts.telemetry.meters import open_meters
from sts.verify import parse_key_set, verify
from tests.conftest import BEGINNING
from tests.service import allow

ISSUER = "https://sts.example"
ACCOUNT = "111122223333"
NOW = int(BEGINNING.timestamp())
ALICE = Hop(
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    session_name="",
    at=BEGINNING - timedelta(minutes=5),
    principal_id="AIDAALICE",
    jti="",
    access_key_id="AKIAALICE",
)
GRANT = Grant(
    account_id=ACCOUNT,
    principal_id="AROAAPP",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:role/app",
    session_name="one",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one",
    began_at=BEGINNING,
    duration=timedelta(hours=1),
    chain=(ALICE,),
)
NARROWED = replace(GRANT, policies=(allow("s3:Get*"),), policy_arns=("arn:aws:iam::aws:policy/PowerUserAccess",))


@dataclass(frozen=True)
class Mint:
    """Credentials of one issuer, with what they stand on."""

    at: Foundation
    cache: MemoryCache
    credentials: Credentials

    def mint(self, grant: Grant = GRANT) -> TemporaryCredentials:
        return asyncio.run(self.credentials.mint(grant))

    def open(self, minted: TemporaryCredentials, access_key_id: str | None = None) -> tuple[Session, Secret]:
        return asyncio.run(self.credentials.open(minted.session_token, access_key_id or minted.access_key_id))


@pytest.fixture
def mint(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Mint]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    cache = MemoryCache(clock)
    yield Mint(at, cache, Credentials(ISSUER, at.keyring, cache, clock, entropy, open_meters()))
    at.database.close()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of *token* as anyone can read them."""
    header, claims, _ = token.split(".")
    return json.loads(decode(header)), json.loads(decode(claims))


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_session_token_has_exactly_its_header_and_claims(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    header, claims = parts(minted.session_token)
    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("ES256", "sts-session+jwt")
    jti, pack, dkv = claims.pop("jti"), claims.pop("pack"), claims.pop("dkv")
    assert claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one",
        "iat": NOW,
        "nbf": NOW - 60,
        "exp": NOW + 3_600,
        "ver": 1,
        "akid": minted.access_key_id,
        "acct": ACCOUNT,
        "pid": "AROAAPP",
        "role": f"arn:aws:iam::{ACCOUNT}:role/app",
        "rsn": "one",
        "chain": [
            [f"arn:aws:iam::{ACCOUNT}:user/alice", "", NOW - 300, "AIDAALICE", "", "AKIAALICE"],
            [f"arn:aws:iam::{ACCOUNT}:role/app", "one", NOW, "AROAAPP", jti, ""],
        ],
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", jti)
    assert dkv == next(k.version for k in mint.at.keyring.keys() if k.purpose is Purpose.DERIVATION)  # noqa: SIM118  no mapping
    assert json.loads(zlib.decompress(decode(pack))) == {
        "policies": list(NARROWED.policies),
        "policy_arns": list(NARROWED.policy_arns),
    }


def test_a_session_without_policies_has_no_pack_and_no_packed_size(mint: Mint) -> None:
    minted = mint.mint()
    assert "pack" not in parts(minted.session_token)[1]
    assert minted.packed_percent is None


def test_each_session_has_an_identifier_and_keys_of_its_own(mint: Mint) -> None:
    minted = [mint.mint() for _ in range(20)]
    assert len({parts(each.session_token)[1]["jti"] for each in minted}) == 20
    assert len({each.access_key_id for each in minted}) == 20
    assert len({str(each.secret_access_key) for each in minted}) == 20


def test_what_is_handed_out_has_the_form_that_clients_know(mint: Mint) -> None:
    minted = mint.mint()
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", minted.access_key_id)
    assert find_account_of_access_key(minted.access_key_id) == ACCOUNT
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", minted.secret_access_key)
    assert minted.expires_at == BEGINNING + timedelta(hours=1)
    for secret in (str(minted.secret_access_key), str(minted.session_token)):
        assert secret not in repr(minted)


def test_anyone_verifies_a_session_token_with_the_published_keys(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    keys = parse_key_set(mint.at.keyring.jwks()[0])
    claims = verify(minted.session_token, keys, issuer=ISSUER, audience=ISSUER, now=BEGINNING)
    assert (claims.subject_arn, claims.access_key_id) == (GRANT.arn, minted.access_key_id)
    assert (claims.role_arn, claims.session_name, claims.principal_id) == (GRANT.principal_arn, "one", "AROAAPP")
    assert claims.expires_at == minted.expires_at


def test_what_was_granted_is_what_is_opened(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    session, secret = mint.open(minted)
    jti = parts(minted.session_token)[1]["jti"]
    own = Hop(arn=GRANT.principal_arn, session_name="one", at=BEGINNING, principal_id="AROAAPP", jti=jti)
    assert secret == minted.secret_access_key
    assert session == Session(
        jti=jti,
        access_key_id=minted.access_key_id,
        account_id=ACCOUNT,
        principal_id="AROAAPP",
        principal_arn=GRANT.principal_arn,
        session_name="one",
        issued_at=BEGINNING,
        expires_at=BEGINNING + timedelta(hours=1),
        chain=(ALICE, own),
        policies=NARROWED.policies,
        policy_arns=NARROWED.policy_arns,
    )


def noise(length: int) -> str:
    """Return text that does not deflate below its information."""
    return Entropy().draw(length).hex()[:length]


def test_the_packed_size_is_the_share_of_the_budget_rounded_up(mint: Mint) -> None:
    for length in (1, 500, 2_048):
        minted = mint.mint(replace(GRANT, policies=(noise(length),)))
        taken = len(parts(minted.session_token)[1]["pack"])
        assert minted.packed_percent is not None
        assert (minted.packed_percent - 1) * 24 < taken <= minted.packed_percent * 24


def test_policies_over_the_budget_are_refused_with_their_percentage(mint: Mint) -> None:
    with pytest.raises(PackedTooLarge) as refused:
        mint.mint(replace(GRANT, policies=(noise(5_000),)))
    percent = re.search(r"take (\d+) percent", refused.value.message)
    assert percent is not None
    assert int(percent[1]) > 100
    assert not mint.cache._values


def test_policies_up_to_the_budget_fit_and_the_token_stays_within_its_length(mint: Mint) -> None:
    for length in range(2_000, 5_000, 20):
        try:
            minted = mint.mint(replace(GRANT, policies=(noise(length),)))
        except PackedTooLarge:
            break
        assert len(minted.session_token) <= 4_096
        largest = minted
    assert largest.packed_percent is not None
    assert largest.packed_percent >= 98
    mint.cache.clear()
    assert mint.open(largest)[1] == largest.secret_access_key


def test_a_token_that_would_be_too_long_is_refused(mint: Mint) -> None:
    long = tuple(replace(ALICE, arn=f"arn:aws:iam::{ACCOUNT}:role/{noise(64)}", jti=noise(22)) for _ in range(20))
    with pytest.raises(PackedTooLarge, match="do not fit"):
        mint.mint(replace(GRANT, chain=long))
    assert not mint.cache._values


def test_with_the_cache_emptied_a_session_opens_without_reading_the_store(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    statements: list[object] = []
    assert isinstance(mint.at.database, WatchedDatabase)
    database = mint.at.database.database
    assert isinstance(database, SqliteDatabase)
    for engine in (database.reader, database.writer):
        event.listen(engine, "before_cursor_execute", lambda *statement: statements.append(statement))
    warm = mint.open(minted)
    mint.cache.clear()
    assert mint.open(minted) == warm
    assert mint.open(minted) == warm  # remembered again
    assert statements == []
    mint.at.database.read_now(lambda connection: connection.exec_driver_sql("SELECT 1"))
    assert statements  # the count counts


def test_the_cache_holds_no_secret(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    kept = repr(mint.cache._values).encode() + b"".join(value for _, value in mint.cache._values.values())
    assert minted.secret_access_key.encode() not in kept
    assert minted.session_token.encode() not in kept


@pytest.mark.parametrize("spoil", ["claims", "stamp", "empty", "short", "another session's"])
def test_a_poisoned_cache_entry_is_a_miss(mint: Mint, spoil: str) -> None:
    minted, other = mint.mint(), mint.mint(replace(GRANT, session_name="admin"))
    (key, (ends_at, value)), (_, (_, others)) = mint.cache._values.items()
    poison = {
        "claims": value.replace(b'"rsn":"one"', b'"rsn":"two"'),
        "stamp": bytes([value[0], *(byte ^ 1 for byte in value[1:36]), *value[36:]]),
        "empty": b"",
        "short": value[:20],
        "another session's": others,
    }[spoil]
    assert poison != value
    mint.cache._values[key] = (ends_at, poison)
    session, secret = mint.open(minted)
    assert (session.session_name, secret) == ("one", minted.secret_access_key)
    assert mint.cache._values[key][1] == value
    assert mint.open(other)[0].session_name == "admin"


def test_a_remembered_session_is_looked_at_as_closely_as_a_new_one(mint: Mint, clock: ManualClock) -> None:
    minted, other = mint.mint(), mint.mint()
    with pytest.raises(CredentialUnknown):
        mint.open(minted, other.access_key_id)
    clock.tick(timedelta(hours=1))
    with pytest.raises(SessionEnded):
        mint.open(minted)


def test_a_session_ends_at_its_second(mint: Mint, clock: ManualClock) -> None:
    minted = mint.mint()
    clock.tick(timedelta(hours=1, microseconds=-1))
    assert mint.open(minted)[1] == minted.secret_access_key
    clock.tick(timedelta(microseconds=1))
    for _ in range(2):
        with pytest.raises(SessionEnded, match="expired") as ended:
            mint.open(minted)
        assert ended.value.claimed == GRANT.arn
        mint.cache.clear()


def test_a_session_opens_where_the_clock_is_a_minute_behind_and_not_more(mint: Mint, clock: ManualClock) -> None:
    minted = mint.mint()
    clock.tick(timedelta(seconds=-60))
    mint.open(minted)
    clock.tick(timedelta(seconds=-1))
    with pytest.raises(CredentialUnknown):
        mint.open(minted)


def test_the_token_of_another_issuer_is_refused_even_under_our_keys(mint: Mint) -> None:
    foreign = replace(mint.credentials, issuer="https://other.example", cache=MemoryCache(mint.at.clock))
    minted = asyncio.run(foreign.mint(GRANT))
    with pytest.raises(CredentialUnknown):
        mint.open(minted)
    assert asyncio.run(foreign.open(minted.session_token, minted.access_key_id))[1] == minted.secret_access_key


def test_the_token_of_another_key_folder_is_refused(mint: Mint, tmp_path: Path, clock: ManualClock) -> None:
    settings = read_settings({"STS_HOME": str(tmp_path / "foreign")})
    other = lay_foundation(settings, clock, Entropy())
    other.database.close()
    foreign = replace(mint.credentials, keyring=other.keyring, cache=MemoryCache(clock))
    minted = asyncio.run(foreign.mint(GRANT))
    with pytest.raises(CredentialUnknown):
        mint.open(minted)


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "sts-session+JWT", ""])
def test_a_token_of_another_type_is_no_session_token(mint: Mint, typ: str) -> None:
    minted = mint.mint()
    payload = decode(minted.session_token.split(".")[1])
    token = mint.at.keyring.sign_token(typ, payload)
    with pytest.raises(CredentialUnknown):
        asyncio.run(mint.credentials.open(token, minted.access_key_id))


@pytest.mark.parametrize(
    "changes",
    [
        {"ver": 2},
        {"ver": "1"},
        {"role": ""},
        {"user": f"arn:aws:iam::{ACCOUNT}:user/alice"},
        {"sub": 1},
        {"narrowed": True},
        {"aud": "https://other.example"},
        {"iss": "https://other.example"},
    ],
    ids=json.dumps,
)
def test_claims_that_are_not_those_of_a_session_are_refused(mint: Mint, changes: dict[str, Any]) -> None:
    minted = mint.mint()
    claims = parts(minted.session_token)[1] | changes
    token = mint.at.keyring.sign_token("sts-session+jwt", json.dumps(claims).encode())
    with pytest.raises(CredentialUnknown):
        asyncio.run(mint.credentials.open(token, minted.access_key_id))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é", "x" * 4_097, "\x00", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(mint: Mint, token: str) -> None:
    with pytest.raises(CredentialUnknown):
        asyncio.run(mint.credentials.open(token, "ASIAEXAMPLE"))
    assert not mint.cache._values


def test_a_pack_that_inflates_without_bound_is_refused(mint: Mint) -> None:
    minted = mint.mint()
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 1_000_000, 9)).decode().rstrip("=")
    claims = parts(minted.session_token)[1] | {"pack": bomb}
    token = mint.at.keyring.sign_token("sts-session+jwt", json.dumps(claims).encode())
    with pytest.raises(CredentialUnknown):
        asyncio.run(mint.credentials.open(token, minted.access_key_id))


def test_the_secret_changes_with_the_derivation_key_alone(mint: Mint) -> None:
    """Nothing that leaves the house makes it: the same token under another derivation key has another secret."""
    minted = mint.mint()
    claims = parts(minted.session_token)[1]
    told = (claims["jti"], claims["akid"], claims["pid"], str(claims["exp"]))
    version, secret = mint.at.keyring.derive_secret(None, *told)
    assert secret == minted.secret_access_key
    (made,) = mint.at.keyring.rotate(Purpose.DERIVATION, emergency=True)
    rotated = mint.at.keyring.derive_secret(made.version, *told)[1]
    assert made.version != version
    assert rotated != secret
    assert mint.open(minted)[1] == secret  # a token names the key that its own secret is derived from


def test_rotating_the_signing_key_changes_no_secret(mint: Mint) -> None:
    minted = mint.mint()
    mint.at.keyring.rotate(Purpose.SIGNING, emergency=True)
    mint.cache.clear()
    assert mint.open(minted)[1] == minted.secret_access_key


def test_every_identifier_of_a_session_goes_into_its_secret(mint: Mint) -> None:
    told = ["jti", "akid", "pid", "exp"]
    secrets = {str(mint.at.keyring.derive_secret(None, *told)[1])}
    for number in range(len(told)):
        changed = [*told[:number], "x", *told[number + 1 :]]
        secrets.add(str(mint.at.keyring.derive_secret(None, *changed)[1]))
    secrets.add(str(mint.at.keyring.derive_secret(None, "jt", "iakid", "pid", "exp")[1]))
    assert len(secrets) == 6


def test_no_part_of_the_token_holds_the_secret(mint: Mint) -> None:
    minted = mint.mint(NARROWED)
    raw = base64.b64decode(minted.secret_access_key)
    texts = [minted.session_token.encode(), *(decode(part) for part in minted.session_token.split("."))]
    texts.append(zlib.decompress(decode(parts(minted.session_token)[1]["pack"])))
    for seen in texts:
        for form in (minted.secret_access_key.encode(), raw, raw.hex().encode(), base64.urlsafe_b64encode(raw)):
            assert form not in seen
    assert minted.secret_access_key.encode() not in mint.at.keyring.jwks()[0]
