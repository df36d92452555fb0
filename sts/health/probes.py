"""`/livez` and `/readyz`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from sts.audit.journal import Journal
from sts.errors import Unavailable
from sts.health.readiness import Readiness
from sts.store.database import Database


@dataclass(frozen=True, slots=True)
class Probes:
    """Answers probes; the body of `/readyz` says what is degraded."""

    database: Database
    journal: Journal
    readiness: Readiness

    async def live(self, _request: Request) -> JSONResponse:
        """Say that the process is up."""
        return JSONResponse({"status": "up"})

    async def ready(self, _request: Request) -> JSONResponse:
        """Say whether requests can be served: 200, or 503 with what is down, or because the process ends soon."""
        if self.readiness.draining:
            return JSONResponse({"status": "draining"}, status_code=503)
        try:
            await self.database.check()
        except Unavailable as unavailable:
            return JSONResponse({"status": "down", "down": {"store": unavailable.message}}, status_code=503)
        if self.journal.is_failing:
            down = {"audit": "Records cannot be written, so nothing is answered"}
            return JSONResponse({"status": "down", "down": down}, status_code=503)
        return JSONResponse({"status": "ready", "degraded": {}})
