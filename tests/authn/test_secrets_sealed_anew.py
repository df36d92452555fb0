"""A process remembers access keys with their sealed secrets; the key that they were sealed under may be removed."""

import asyncio
import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sts.app import build_accounts
from sts.authn.signature import Proven, SignatureProof, SignedParts
from sts.authn.throttle import build_throttle
from sts.cache import open_cache
from sts.clock import ManualClock
from sts.credentials import Credentials
from sts.directory.access_keys import AccessKeys, MintedKey
from sts.entropy import Entropy
from sts.errors import SealBroken
from sts.foundation import Foundation, lay_foundation
from sts.keyring.rotation import Purpose
from sts.settings import read_settings
from tests.signing import Key, sign

HOST = "127.0.0.1"


@pytest.fixture
def nodes(home: Path, clock: ManualClock) -> Iterator[tuple[Foundation, Foundation]]:
    settings = read_settings({"STS_HOME": str(home)})
    first, second = (lay_foundation(settings, clock, Entropy()) for _ in range(2))
    yield first, second
    first.database.close()
    second.database.close()


def prove(at: Foundation, minted: MintedKey) -> Proven:
    """Prove a request that is signed with the key."""
    key, now = Key(minted.key.access_key_id, str(minted.secret)), at.clock.now()
    headers = sign(key, method="GET", host=HOST, path="/", query="", body=b"", at=now, service="sts", region="any")
    cache = open_cache("memory://", at.clock)
    credentials = Credentials("http://issuer", at.keyring, cache, at.clock, at.entropy, at.meters)
    throttle = build_throttle(None, None, at.clock)
    proof = SignatureProof(at.snapshot, at.coherence, credentials, at.keyring, at.clock, throttle)
    at.coherence._learned_at = math.inf  # nothing makes it ask the store by itself
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return asyncio.run(proof.prove(SignedParts("GET", "/", "", sent, b""), "sts", HOST))


def begin(nodes: tuple[Foundation, Foundation], clock: ManualClock) -> MintedKey:
    """Return a key that the first node remembers, while the sealing key that its secret is under has got old."""
    remembering, other = nodes
    minted = other.database.transact_now(lambda tx: build_accounts(other).create(tx), clock.now())[0].minted
    assert prove(remembering, minted).caller.access_key_id == minted.key.access_key_id
    other.keyring.rotate(Purpose.SEALING, emergency=True)
    clock.tick(timedelta(minutes=6))
    return minted


def test_a_process_that_learns_first_that_the_sealing_key_is_gone_reads_the_secret_anew(
    nodes: tuple[Foundation, Foundation], clock: ManualClock
) -> None:
    minted = begin(nodes, clock)
    remembering, other = nodes
    access_keys = AccessKeys(other.entropy, other.keyring)
    page, _ = other.database.transact_now(lambda tx: access_keys.reseal(tx, after="", limit=100), clock.now())
    assert (page.count, page.unopened, page.further) == (1, (), None)
    other.keyring.remove(Purpose.SEALING, 1)
    assert remembering.keyring.refresh()
    assert prove(remembering, minted).caller.access_key_id == minted.key.access_key_id


def test_a_secret_that_was_not_sealed_anew_is_lost_with_its_key_and_refused(
    nodes: tuple[Foundation, Foundation], clock: ManualClock
) -> None:
    minted = begin(nodes, clock)
    remembering, other = nodes
    other.keyring.remove(Purpose.SEALING, 1)
    remembering.keyring.refresh()
    with pytest.raises(SealBroken):
        prove(remembering, minted)
