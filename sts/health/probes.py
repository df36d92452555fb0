"""`/livez` and `/readyz`."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from sts.audit.journal import Journal
from sts.cache import Cache
from sts.errors import Unavailable
from sts.health.readiness import Readiness
from sts.store.database import Database

_PATIENCE_SECONDS = 0.9  # a probe is answered within a second, whatever hangs
# Longer than a commit takes on a disk that is busy: what lasts longer may never end, and every answer waits for it.
_LONGEST_COMMIT_SECONDS = 2.0
_UNRECORDED = "Records cannot be written, so nothing is answered"
_WITHOUT_CACHE = (
    "requests ask the store and verify session tokens instead, which takes longer; "
    "sign-ins of more than one step and logins of command lines are refused until it is back"
)


@dataclass(frozen=True, slots=True)
class Probes:
    """Answers probes; the body of `/readyz` says what is down and what is degraded, in a sentence each."""

    database: Database
    cache: Cache
    journal: Journal
    readiness: Readiness

    async def live(self, _request: Request) -> JSONResponse:
        """Say that the process is up; nothing is asked for it."""
        return JSONResponse({"status": "up"})

    async def ready(self, _request: Request) -> JSONResponse:
        """Say whether requests can be served: 200, or 503 with what is down, or because the process ends soon."""
        if self.readiness.draining:
            return JSONResponse({"status": "draining"}, status_code=503)
        store, cache = await asyncio.gather(_find_fault(self.database.check()), _find_fault(self.cache.check()))
        down = {} if store is None else {"store": store}
        if not down and self._is_mute():
            down = {"audit": _UNRECORDED}
        if down:
            return JSONResponse({"status": "down", "down": down}, status_code=503)
        degraded = {} if cache is None else {"cache": f"{cache}: {_WITHOUT_CACHE}"}
        return JSONResponse({"status": "ready", "degraded": degraded})

    def _is_mute(self) -> bool:
        return self.journal.is_failing or self.journal.committing_seconds > _LONGEST_COMMIT_SECONDS


async def _find_fault(check: Awaitable[None]) -> str | None:
    """Return why *check* does not hold, in the words for whoever asks: where the part is and what it said is logged."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await check
    except Unavailable as unavailable:
        return unavailable.message
    except TimeoutError:
        return "No answer within the time for it"
    return None
