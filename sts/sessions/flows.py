"""Sign-ins under way, in the cache: lost with it, and refused while it cannot be asked.

Each is kept under the hash of what the browser's cookie holds, with a MAC: whoever reads the cache has no cookie by it,
and whoever writes into it has proven no password. Every step takes the flow away and puts it back under a new value, so
that of two requests made with one value one goes on, and a value that somebody else saw is worth nothing afterwards.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from sts.cache import Cache
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import FlowEnded, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import STAMP_BYTES, make_stamp, verify_stamp
from sts.model import Secret
from sts.sessions.flow import Flow

LONGEST = timedelta(minutes=10)  # of one step
LIFE = timedelta(minutes=30)  # of all steps together
_LABEL = b"sign-in-flow"
_ENDED = "This sign-in has expired, or was continued in another window. Please sign in again."
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Flow).decode


@dataclass(frozen=True, slots=True)
class Flows:
    """Keeps sign-ins under way."""

    cache: Cache
    keyring: Keyring
    clock: Clock
    entropy: Entropy

    async def begin(self, flow: Flow) -> Secret:
        """Keep *flow* and return what the browser's cookie is to hold; raises Unavailable."""
        value = Secret(self.entropy.token())
        await self.keep(value, flow)
        return value

    async def keep(self, value: Secret, flow: Flow) -> None:
        """Keep *flow* in place of what *value* stands for, which nobody has been given yet; raises Unavailable."""
        digest, payload = _digest(value), _encode(flow)
        stamp = make_stamp(self.keyring, Purpose.DERIVATION, _LABEL, digest + payload)
        await self.cache.put(_key(digest), stamp + payload, LONGEST)

    async def get(self, value: str) -> Flow:
        """Return the flow of this cookie; raises FlowEnded, Unavailable."""
        digest = _digest(value)
        return self._read(digest, await self.cache.get(_key(digest)))

    async def take(self, value: str) -> Flow:
        """Return the flow of this cookie and end it: one of all who ask has it. Raises FlowEnded, Unavailable."""
        digest = _digest(value)
        return self._read(digest, await self.cache.take(_key(digest)))

    def _read(self, digest: bytes, kept: bytes | None) -> Flow:
        if kept is None:
            raise FlowEnded(_ENDED)
        stamp, payload = kept[:STAMP_BYTES], kept[STAMP_BYTES:]
        try:
            verify_stamp(self.keyring, Purpose.DERIVATION, _LABEL, digest + payload, stamp)
        except SealBroken:
            raise FlowEnded(_ENDED, detail="what the cache holds was not written by this service") from None
        flow = _decode(payload)
        if flow.password_at is None or self.clock.now() - flow.password_at >= LIFE:
            raise FlowEnded(_ENDED, detail="the password was proven too long ago")
        return flow


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def _key(digest: bytes) -> str:
    return f"flow:{digest.hex()}"
