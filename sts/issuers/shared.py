"""Key sets in the cache that processes share: one fetch serves all, and a process that begins while an issuer is down.

What loss costs is a fetch. The cache is not trusted: a key set is kept under a MAC that binds it to its source.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from sts.cache import Cache
from sts.errors import SealBroken, Unavailable
from sts.issuers.held import LIMIT
from sts.issuers.published import Source
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import STAMP_BYTES, make_stamp, verify_stamp

_LABEL = b"issuer-keys"


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    fetched_at: float  # seconds of the epoch
    document: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


@dataclass(frozen=True, slots=True)
class SharedKeySets:
    """Keeps the documents of key sets, and when they were fetched."""

    cache: Cache
    keyring: Keyring

    async def find(self, source: Source) -> tuple[bytes, datetime] | None:
        """Return the key set that was last fetched from *source* by any process; None when the cache has none."""
        digest = _digest(source)
        try:
            kept = await self.cache.get(_key(digest))
        except Unavailable:  # bypassed: it is fetched
            return None
        if kept is None:
            return None
        stamp, packed = kept[:STAMP_BYTES], kept[STAMP_BYTES:]
        try:
            verify_stamp(self.keyring, Purpose.MARKER, _LABEL, digest + packed, stamp)
        except SealBroken:  # somebody wrote into the cache, or the key was removed since
            return None
        found = _decode(packed)
        return found.document, datetime.fromtimestamp(found.fetched_at, UTC)

    async def keep(self, source: Source, document: bytes, fetched_at: datetime) -> None:
        """Keep *document* for the other processes."""
        digest, packed = _digest(source), _encode(_Kept(fetched_at.timestamp(), document))
        stamp = make_stamp(self.keyring, Purpose.MARKER, _LABEL, digest + packed)
        with contextlib.suppress(Unavailable):  # the others fetch it themselves; the cache logs its outage
            await self.cache.put(_key(digest), stamp + packed, LIMIT)


def _digest(source: Source) -> bytes:
    return hashlib.sha256(_encode((source.issuer, source.allowance))).digest()


def _key(digest: bytes) -> str:
    return f"issuer-keys:{digest.hex()}"
