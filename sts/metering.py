"""What a process that serves counts with: every operation and error code by its name, and what is looked at."""

import importlib.metadata

from prometheus_client import CollectorRegistry

from sts.api.operations import OPERATIONS
from sts.audit.journal import Journal
from sts.aws.catalogue import NOT_OFFERED
from sts.aws.errors import ERRORS
from sts.aws.login.token import OPERATION as TOKEN_OPERATION
from sts.aws.operations import SERVICES
from sts.aws.wire import load_model
from sts.clock import Clock
from sts.health.exposition import Exposition
from sts.keyring.keyring import Keyring
from sts.signin.pages import PAGES
from sts.store.snapshot import Snapshot
from sts.telemetry import catalogue
from sts.telemetry.meters import Meters, open_meters
from sts.telemetry.numbers import Share
from sts.telemetry.sampling import Look, Sampler


def build_meters(share: Share | None = None) -> Meters:
    """Return what a process that serves counts with: alone, or as one of several that *share* memory."""
    models = {service: load_model(service) for service in SERVICES}
    offered = [f"{service}:{name}" for service in SERVICES for name in models[service].operations]
    administration = [f"sts-admin:{operation.name}" for operation in OPERATIONS.values()]
    operations = [name for name in offered if name.partition(":")[2] not in NOT_OFFERED]
    codes = sorted({error.code for error in ERRORS.values()})
    pages = [f"signin:{name}" for name in PAGES]
    return open_meters([*operations, *administration, TOKEN_OPERATION, *pages], codes, share)


def build_registry(meters: Meters, keyring: Keyring, clock: Clock) -> CollectorRegistry:
    """Return what `/metrics` shows."""
    registry = CollectorRegistry()
    registry.register(Exposition(meters.numbers, keyring, clock, importlib.metadata.version("sts")))
    return registry


def build_sampler(meters: Meters, snapshot: Snapshot, journal: Journal) -> Sampler:
    """Return what looks from time to time at what is not counted but stands somewhere."""
    looks: tuple[Look, ...] = (
        (catalogue.AUDIT_QUEUE, (), lambda: journal.waiting),
        (catalogue.AUDIT_FAILING, (), lambda: journal.is_failing),
        (catalogue.SNAPSHOT_ENTRIES, (), lambda: snapshot.entries),
        (catalogue.SNAPSHOT_BYTES, (), lambda: snapshot.weight),
        (catalogue.SNAPSHOT_BOUND, (), lambda: snapshot.capacity),
        (catalogue.SNAPSHOT_LOOKS, ("hit",), lambda: snapshot.hits),
        (catalogue.SNAPSHOT_LOOKS, ("miss",), lambda: snapshot.misses),
    )
    return Sampler(meters.numbers, looks)
