"""The sockets that the service listens on, and how many connections a process may have."""

import resource
import socket

from sts.errors import Refusal

_BESIDE_CONNECTIONS = 256  # files that a process has open besides: store, keys, cache, log


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets bound to every address of *host*; raises Refusal when that cannot be."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            sockets.append(_bind(family, address))
    except OSError as error:
        for each in sockets:
            each.close()
        raise _refuse(host, port, error) from error
    return sockets


def listen(bound: socket.socket, backlog: int) -> None:
    """Let clients come to *bound*; raises Refusal when another process, bound beside this one, did so first."""
    try:
        bound.listen(backlog)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _refuse(host, port, error) from error


def _refuse(host: str, port: int, error: OSError) -> Refusal:
    return Refusal(f"Cannot listen on {host} port {port}: {(error.strerror or str(error)).lower()}")


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # an IPv4 client is known by its own address
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def describe(listener: socket.socket, *, secure: bool) -> str:
    """Return the address of *listener* as a URL."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"


def allow_files(connections: int) -> None:
    """Let this process have so many *connections* open, besides its files; raises Refusal when it may not."""
    wanted = connections + _BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise Refusal(
                f"STS_LIMIT_CONNECTIONS: {connections} connections need {wanted} open files, and this process may have "
                f"{hard} (ulimit -n): raise that, or lower the setting to {max(1, hard - _BESIDE_CONNECTIONS)}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
