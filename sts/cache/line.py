"""A connection to a Redis server: as redis-py makes it, with TLS and login; what is said on it is written here."""

import math
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ResponseError

from sts.cache.address import Login, Place, Tls

_CONNECT_SECONDS = 0.5

Command = tuple[bytes, ...]


def make_line(place: Place, login: Login, tls: Tls | None, database: int) -> Connection:
    """Return a connection that is not made yet.

    The server's certificate and the name in it are always verified. RESP2: nothing arrives that was not asked for.
    """
    rest: dict[str, Any] = {
        "host": place.host,
        "port": place.port,
        "username": login.username,
        "password": login.password,
        "db": database,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": None,  # a turn as a whole has its limit
        "protocol": 2,
        "driver_info": None,  # a user of the access lists need not be allowed CLIENT SETINFO
    }
    if tls is None:
        return Connection(**rest)
    return SSLConnection(
        ssl_ca_certs=tls.ca,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        ssl_cert_reqs="required",
        ssl_check_hostname=True,
        **rest,
    )


async def open_line(line: Connection) -> None:
    """Connect *line* and log in; raises redis's and the system's errors."""
    try:
        await line.connect()  # type: ignore[no-untyped-call]  # redis leaves it without types
    except BaseException:
        await line.disconnect(nowait=True)
        raise


async def say(line: Connection, commands: Sequence[Command]) -> list[Any]:
    """Send *commands* in one write and return their answers in order; an error that the server answers is one of them.

    Whatever interrupts it closes the line: an answer that stays behind would be taken for that of the next command.
    """
    try:
        await line.send_packed_command([b"".join(_pack(command) for command in commands)], check_health=False)
        return [await _hear(line) for _ in commands]
    except BaseException:
        await line.disconnect(nowait=True)
        raise


def _pack(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # declared for a tuple of one
    return packed


async def _hear(line: Connection) -> Any:
    try:
        return await line.read_response(disable_decoding=True, timeout=math.inf)
    except ResponseError as error:
        return error
