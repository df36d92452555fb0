"""What is no access key id of this service is refused before anything is looked up or remembered for it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sts.authn.signature import SignatureProof, SignedParts
from sts.authn.throttle import build_throttle
from sts.cache import MemoryCache
from sts.clock import ManualClock
from sts.credentials import Credentials
from sts.entropy import Entropy
from sts.errors import CredentialUnknown, Unproven
from sts.foundation import Foundation, lay_foundation
from sts.settings import read_settings
from sts.telemetry.meters import open_meters
from tests.signing import Key, sign

HOST = "sts.example"


@dataclass(frozen=True)
class Door:
    """The proof of signatures, and what it stands on."""

    at: Foundation
    proof: SignatureProof

    def knock(self, access_key_id: str) -> None:
        """Send a request signed with a key of this id, which nobody has."""
        key = Key(access_key_id, "a" * 40)
        headers = sign(
            key, method="POST", host=HOST, path="/", query="", body=b"", at=self.at.clock.now(), service="sts",
            region="us-east-1",
        )  # fmt: skip
        sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        asyncio.run(self.proof.prove(SignedParts("POST", "/", "", sent, b""), "sts", "192.0.2.1"))

    @property
    def remembered(self) -> list[str]:
        snapshot = self.at.snapshot
        return [key.key for key in (*snapshot._absent, *snapshot._entries)]


@pytest.fixture
def door(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Door]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    credentials = Credentials("https://sts.example", at.keyring, MemoryCache(clock), clock, entropy, open_meters())
    yield Door(
        at, SignatureProof(at.snapshot, at.coherence, credentials, at.keyring, clock, build_throttle(None, None, clock))
    )
    at.database.close()


FORMED = Entropy().access_key_id("AKIA", "111122223333")


@pytest.mark.parametrize(
    "access_key_id",
    [
        pytest.param("AKIA", id="prefix"),
        pytest.param("A" * 12_000, id="endless"),
        pytest.param(FORMED[:-1], id="short"),
        pytest.param(FORMED + "A", id="long"),
        pytest.param(FORMED.lower(), id="lower case"),
        pytest.param(FORMED[:-1] + "1", id="no digit of base32"),
        pytest.param("AKIAAAAAAAAAAAAAAAAA", id="no account"),
        pytest.param("AKIA7777777777777777", id="account of more than twelve digits"),
        pytest.param("ASIA" + FORMED[4:], id="session without its token"),
        pytest.param("AIDA" + FORMED[4:], id="user"),
    ],
)
def test_an_id_that_is_none_of_ours_is_not_looked_up(door: Door, access_key_id: str) -> None:
    with pytest.raises(Unproven):
        door.knock(access_key_id)
    assert door.remembered == []


def test_an_id_of_our_form_is_looked_up_and_its_absence_remembered(door: Door) -> None:
    with pytest.raises(CredentialUnknown, match="security token included in the request is invalid"):
        door.knock(FORMED)
    assert door.remembered == [FORMED]
