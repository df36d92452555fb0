"""`/metrics`, in the text format of Prometheus or as OpenMetrics, whichever the scraper asks for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sts.authn.arrival import Network, is_within
from sts.telemetry.sampling import Sampler

_PROXIED = ("forwarded", "x-forwarded-for")
_REFUSED = "/metrics is for the networks that STS_METRICS_FROM names, asked for directly and not through a proxy\n"


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Shows the metrics in *registry* to whoever is in one of *networks*."""

    registry: CollectorRegistry
    sampler: Sampler
    networks: Sequence[Network]

    async def show(self, request: Request) -> Response:
        """Answer a scraper (200), or whoever is none (403)."""
        if not self._is_open_to(request):
            return PlainTextResponse(_REFUSED, 403)
        self.sampler.sample()
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        # In a thread: a thousand lines hold up no request.
        body: bytes = await asyncio.to_thread(encode, self.registry)
        return Response(body, headers={"content-type": media_type, "cache-control": "no-store"})

    def _is_open_to(self, request: Request) -> bool:
        # Behind a proxy that is not known as one every stranger has the proxy's address, which may be our own host's.
        if request.client is None or any(name in request.headers for name in _PROXIED):
            return False
        return is_within(request.client.host, self.networks)
