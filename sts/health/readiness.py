"""Whether this process still wants requests."""

from dataclasses import dataclass


@dataclass(slots=True)
class Readiness:
    """Shared by the server, which begins to drain, and the probes, which say so to whoever sends requests here."""

    draining: bool = False
