"""`/metrics`, in the text format of Prometheus or as OpenMetrics, whichever the scraper asks for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sts.telemetry.sampling import Sampler

_PROXIED = ("forwarded", "x-forwarded-for")
_REFUSED = "/metrics is for the networks that STS_METRICS_FROM names, asked for directly and not through a proxy\n"


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Shows the metrics in *registry* to whoever is in one of *networks*."""

    registry: CollectorRegistry
    sampler: Sampler
    networks: Sequence[IPv4Network | IPv6Network]

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
        try:
            address = ip_address(request.client.host.partition("%")[0])
        except ValueError:  # a socket of the file system has no address
            return False
        return any(address in network for network in self.networks)
