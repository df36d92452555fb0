"""The caches that one suite is for: in memory, where the clock is moved, and in every form of Redis, in real time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sts.cache import open_cache
from sts.clock import ManualClock
from tests.certificates import Authority
from tests.contracts.trial import RIGHTS, Attempt, Trial
from tests.ports import find_port
from tests.redis_servers import redis_cluster, redis_server, sentinel_set

FORMS = ("memory", "single", "tls", "sentinel", "cluster")

_numbers = count()


@pytest.fixture(scope="session")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The address of each form; its servers are started when it is first asked for."""
    with ExitStack() as stack:
        started: dict[str, str] = {"memory": "memory://"}

        def url_of(form: str) -> str:
            if form not in started:
                started[form] = _start(form, stack, tmp_path_factory.mktemp(form))
            return started[form]

        yield url_of


def _start(form: str, stack: ExitStack, folder: Path) -> str:
    if form == "tls":
        return _start_tls(stack, folder)
    starts: dict[str, Callable[[Path], Any]] = {
        "single": redis_server,
        "sentinel": sentinel_set,
        "cluster": redis_cluster,
    }
    url: str = stack.enter_context(starts[form](folder)).url
    return url


def _start_tls(stack: ExitStack, folder: Path) -> str:
    """Start a server that wants TLS with a client's certificate, and a user who may do no more than is documented."""
    authority = Authority(folder / "authority")
    (certificate, key), (shown, shown_key) = (
        authority.sign("server", "127.0.0.1"),
        authority.sign("client", "127.0.0.1"),
    )
    port = find_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = stack.enter_context(redis_server(folder, *options, "--tls-ca-cert-file", str(authority.file)))
    assert server.ask("ACL", "SETUSER", "sts", "on", ">p@ss/word", *RIGHTS.split()) == b"OK"
    return f"rediss://sts:p%40ss%2Fword@127.0.0.1:{port}/1?ca={authority.file}&cert={shown}&key={shown_key}"


@pytest.fixture(params=FORMS)
def attempt(request: pytest.FixtureRequest, urls: Callable[[str], str], clock: ManualClock) -> Attempt:
    """Run what is given in a loop of its own, on a cache of its own that is closed afterwards."""
    form, url = request.param, urls(request.param)

    async def run(body: Callable[[Trial], Coroutine[Any, Any, None]]) -> None:
        cache = open_cache(url, clock)
        attending = asyncio.create_task(cache.attend())
        memory = form == "memory"
        span = timedelta(minutes=5) if memory else timedelta(milliseconds=150)
        try:
            await body(Trial(cache, span, clock if memory else None, f"{next(_numbers)}"))
        finally:
            attending.cancel()
            (ended,) = await asyncio.gather(attending, return_exceptions=True)
        assert ended is None or isinstance(ended, asyncio.CancelledError)

    return lambda body: asyncio.run(run(body))
