"""Prove that the sender of a request holds the key that comes with it (DPoP, RFC 9449), and that this proof is new.

A client that got no answer sends the very same request again: the same proof with the same body is that, and passes.
Anything else that shows a proof a second time is refused. What is remembered of proofs stands in the cache: lost, a
proof could be shown again for as long as it is young, to whoever does not use up what it came for elsewhere as well;
unreachable, none is taken.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sts.cache import Cache
from sts.clock import Clock
from sts.crypto.dpop import OLDEST, SKEW, verify_possession
from sts.errors import PossessionUnproven


@dataclass(frozen=True, slots=True)
class Possession:
    """A proof that holds, with the digest of the request that it came with; whether it is new is not known yet."""

    thumbprint: str
    jti: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Possessions:
    """Verifies proofs of possession for the addresses of one issuer."""

    issuer: str
    cache: Cache
    clock: Clock

    def prove(self, proofs: Sequence[str], *, method: str, path: str, body: bytes) -> Possession:
        """Return what the one of *proofs* shows of who sent *body* to *path* of the issuer; raises PossessionUnproven.

        The address is the issuer's own: what the request says of its host is the sender's word.
        """
        if len(proofs) != 1:  # RFC 9449 section 4.3: of two, who stands before the service may have looked at the other
            raise PossessionUnproven("The request has no DPoP proof, or more than one")
        (proof,) = proofs
        held = verify_possession(proof, method=method, url=self.issuer + path, now=self.clock.now())
        digest = hashlib.sha256(proof.encode("ascii") + b"\0" + body).digest()
        return Possession(held.thumbprint, held.jti, digest)

    async def use_up(self, possession: Possession) -> None:
        """Remember the proof, which was not shown before but with the same request.

        Raises PossessionUnproven, and Unavailable when the cache cannot be asked. To be called once it is known that
        the key is one that something was given to: what strangers send is not remembered.
        """
        name = hashlib.sha256(f"{possession.thumbprint} {possession.jti}".encode()).hexdigest()
        key = f"possession:{name}"
        if await self.cache.add(key, possession.digest, OLDEST + SKEW + SKEW):
            return
        if await self.cache.get(key) != possession.digest:
            raise PossessionUnproven("The DPoP proof was used before")
