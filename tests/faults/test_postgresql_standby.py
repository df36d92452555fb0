"""PostgreSQL's primary ends and its standby is promoted: the service finds it, and nothing answered is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.faults.stores import create, health, recovers, verify_audit
from tests.postgresql_server import postgresql_server, standby_server
from tests.service import running

pytestmark = pytest.mark.alone


def test_a_promoted_standby_is_found_and_holds_all_that_was_answered(home: Path, clock: ManualClock) -> None:
    with postgresql_server() as primary:
        database = primary.make_database()
        with standby_server(primary) as standby:
            url = f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{database}"
            with running(home, clock, STS_DATABASE_URL=url) as service, ThreadPoolExecutor(10) as pool:
                tenant = service.tenant()
                assert create(service, tenant, "before") == 200
                names = [f"user{number}" for number in range(100)]
                creating = pool.map(lambda name: create(service, tenant, name), names)
                primary.stop("immediate")
                answered = dict(zip(names, creating, strict=True))
                assert set(answered.values()) <= {200, 503}
                assert health(service)[0] == 503
                standby.promote()
                recovers(service, tenant)
                kept = set(standby.ask("SELECT name FROM iam_user", database).split())
                assert {"before", *(name for name, status in answered.items() if status == 200)} <= kept
                verify_audit(service)
        primary.start()  # it is ended with its context, and nobody asks it any more
