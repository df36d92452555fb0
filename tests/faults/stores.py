"""A service whose PostgreSQL fails: what it is asked then, and how it is seen to have recovered."""

import re
import time
from typing import Any

from sts.audit.verification import Examination
from sts.foundation import lay_foundation
from tests.faults.outages import RECOVERY_SECONDS, probe
from tests.service import Service, Tenant


def health(service: Service) -> tuple[int, Any]:
    """Return what `/readyz` says, which it must say within a second."""
    answer = probe(service)
    return answer.status_code, answer.json()


def create(service: Service, tenant: Tenant, name: str) -> int:
    return service.call(tenant.key, "CreateUser", UserName=name).status


def users(service: Service, tenant: Tenant) -> list[str]:
    answer = service.call(tenant.key, "ListUsers").body.decode()
    return sorted(set(re.findall("<UserName>(.*?)</UserName>", answer)) - {"admin"})


def recovers(service: Service, tenant: Tenant, name: str = "later") -> None:
    """The service must answer again by itself within what is promised."""
    end = time.monotonic() + RECOVERY_SECONDS
    while create(service, tenant, name) != 200:
        assert time.monotonic() < end, health(service)
    while health(service)[0] != 200:
        assert time.monotonic() < end, health(service)


def verify_audit(service: Service) -> int:
    """Return how many records there are; every one must be in its place."""
    at = lay_foundation(service.settings, service.clock, service.entropy)
    findings = at.database.read_now(lambda c: Examination(c, at.keyring, lambda _behind: None).examine([]))
    assert findings.faults == []
    return findings.records
