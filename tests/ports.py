"""Ports for servers that tests start: a process of tests gives none out twice, and another process gives out others."""

import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle

# Below those that Linux hands to clients and to whoever binds port 0: none of them takes one before its server does.
_FIRST, _PAST, _WORKERS = 10_000, 32_000, 8


def find_port() -> int:
    """Return a port of loopback on which nobody listens, for a server that is to be told one."""
    return next(port for port in _candidates() if _is_free(port))


@cache
def _candidates() -> Iterator[int]:
    """The ports of this worker of pytest-xdist, begun anywhere: other runs on the machine look among them as well."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    mine = range(_FIRST + worker % _WORKERS, _PAST, _WORKERS)
    begin = random.SystemRandom().randrange(len(mine))
    return cycle([*mine[begin:], *mine[:begin]])


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
