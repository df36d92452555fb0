"""Which certificates a host may show: those of the system's CAs, of CAs of its own, or below one that is pinned."""

import asyncio
import hashlib
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sts.egress.faults import Fault, FetchFailed

_HELD = 64  # contexts of own CAs: each is some hundred kilobytes


@dataclass(slots=True)
class Trust:
    """Contexts of TLS, made when they are first asked for."""

    most: int = _HELD
    _contexts: OrderedDict[str | None, ssl.SSLContext] = field(default_factory=OrderedDict)

    async def find(self, authorities: str | None) -> ssl.SSLContext:
        """Return a context that trusts *authorities* (PEM), or the system's CAs; raises FetchFailed."""
        context = self._contexts.get(authorities)
        if context is None:  # the system's CAs are read from files, which takes a twentieth of a second
            context = await asyncio.to_thread(_make_context, authorities)
        self._contexts[authorities] = context
        self._contexts.move_to_end(authorities)
        if len(self._contexts) > self.most:
            self._contexts.popitem(last=False)
        return context


def _make_context(authorities: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise FetchFailed(Fault.TLS, f"the provider's CA certificates cannot be read: {error}") from None
    if authorities is not None:
        # From Python 3.13 a CA needs every extension of RFC 5280, which many that firms made for themselves lack.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def make_blind_context() -> ssl.SSLContext:
    """Return a context that verifies nothing: good for looking at a chain, and for nothing that is sent or read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make_pinned_context(anchor: bytes) -> ssl.SSLContext:
    """Return a context that trusts the certificate *anchor* (DER), and what it signed, for the names that those bear.

    The whole chain is verified up to it: anybody can append a certificate that others pinned to a chain of their own.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a host's chain often ends below its root
    context.load_verify_locations(cadata=anchor)
    return context


def find_pinned(chain: Sequence[bytes], thumbprints: Sequence[str]) -> bytes | None:
    """Return the top certificate of *chain* when one of *thumbprints* is its own.

    SHA-1 is what IAM keeps. Nobody can make another certificate of a thumbprint that is there already; that two can be
    made of one thumbprint helps only who was trusted with it.
    """
    digest = hashlib.sha1(chain[-1]).hexdigest() if chain else ""  # noqa: S324
    return chain[-1] if digest in {each.lower() for each in thumbprints} else None


def read_chain(connection: Any) -> list[bytes]:
    """Return the chain (DER) that the other side of *connection*, an SSLObject, has sent; nothing of it is verified."""
    if hasattr(connection, "get_unverified_chain"):
        return list(connection.get_unverified_chain())
    # Python before 3.13 has it under this name only.
    return [certificate.public_bytes(2) for certificate in connection._sslobj.get_unverified_chain()]  # noqa: SLF001
