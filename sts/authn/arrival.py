"""What is known of a request before anything in it is read: where it came from, by what, how and when.

The client's address is found here and nowhere else: it feeds `aws:SourceIp`, the limits and the record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sts.audit.record import Entry
from sts.evaluator import Circumstances

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_ENTRY = "sts.entry"  # where a request's scope holds its entry


@dataclass(frozen=True, slots=True)
class BehindProxies:
    """The application as it is reached through trusted proxies (ASGI): its requests come from their clients."""

    app: ASGIApp
    trusted: Sequence[Network]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its client's address and scheme; its headers stay as they were signed."""
        if scope["type"] == "http":
            scope["client"], scope["scheme"] = find_client(scope, self.trusted)
        await self.app(scope, receive, send)


def find_client(scope: Scope, trusted: Sequence[Network]) -> tuple[tuple[str, int] | None, str]:
    """Return the client (address and port) of a request, and the scheme by which it came.

    Headers are believed of *trusted* peers only: from anywhere else they are what a stranger wrote to be taken for
    another. In X-Forwarded-For each proxy appends whom it saw, so the client is the rightmost that is no trusted proxy;
    what stands left of it is the client's own word. The way was https only if every proxy says so.
    """
    client, scheme = scope.get("client"), scope["scheme"]
    peer = None if client is None else _parse_address(client[0])
    if peer is None or not _is_trusted(peer, trusted):
        return client, scheme
    schemes = list(_split(scope, b"x-forwarded-proto"))
    if schemes:
        scheme = "https" if all(each.lower() == "https" for each in schemes) else "http"
    hops = reversed(list(_split(scope, b"x-forwarded-for")))
    return (str(_find_last_stranger(peer, hops, trusted)), 0), scheme


def _find_last_stranger(peer: Address, hops: Iterator[str], trusted: Sequence[Network]) -> Address:
    nearest = peer
    for hop in hops:
        address = _parse_address(hop)
        if address is None:
            return nearest  # a word of a trusted proxy that is no address: nobody further away is believed
        nearest = address
        if not _is_trusted(address, trusted):
            return address
    return nearest


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Say whether *address* is one, and in one of *networks*."""
    parsed = _parse_address(address)
    return parsed is not None and _is_trusted(parsed, networks)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parse_address(text: str) -> Address | None:
    """Return the address in *text*, with or without a port, in its shortest form; None when there is none."""
    bare = text
    if text.startswith("["):
        bare = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        bare = text.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _split(scope: Scope, name: bytes) -> Iterator[str]:
    for key, value in scope["headers"]:
        if key == name:
            yield from (part.strip() for part in value.decode("latin-1").split(","))


def begin_entry(scope: Scope, request_id: str, at: datetime) -> Entry:
    """Return the entry of a request that just arrived; whatever is logged on its way carries its id from here on."""
    structlog.contextvars.bind_contextvars(request_id=request_id)
    client = scope.get("client")
    scope[_ENTRY] = entry = Entry(
        request_id=request_id,
        at=at,
        address=client[0] if client else "",
        user_agent=Headers(scope=scope).get("user-agent", ""),
    )
    return entry


def find_entry(scope: Mapping[str, Any]) -> Entry | None:
    """Return the entry of the request, for whoever stands around the application; None where nothing is recorded."""
    entry: Entry | None = scope.get(_ENTRY)
    return entry


def describe_circumstances(scope: Scope, entry: Entry) -> Circumstances:
    """Return what policies may ask about the request of *entry*, whose caller is proven."""
    return Circumstances(
        at=entry.at,
        source_ip=entry.address,
        user_agent=entry.user_agent,
        secure_transport=scope["scheme"] == "https",
        region=entry.region,
    )
