import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sts.app import build_accounts
from sts.audit.record import Entry
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.settings import read_settings
from sts.store.accounts import list_accounts
from sts.store.database import Transaction

FIRST, SECOND = "111122223333", "444455556666"


@pytest.fixture
def at(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    yield foundation
    foundation.database.close()


def break_a_rule(tx: Transaction) -> None:
    """Do what no verb of the directory does: put in a row that points nowhere."""
    tx.touch("user", "AIDANOBODY")
    tx.connection.execute(text("INSERT INTO membership (group_id, user_id) VALUES ('AGPANOBODY', 'AIDANOBODY')"))


async def together(at: Foundation, *changes: Any) -> list[Any]:
    """Let *changes* wait together, so that one commit takes them all."""

    def entry() -> Entry:
        return Entry(request_id=at.entropy.request_id(), at=at.clock.now(), address="127.0.0.1", user_agent="test")

    waiting = [asyncio.ensure_future(at.journal.change(entry(), change)) for change in changes]
    await asyncio.sleep(0)
    await at.journal.write_waiting()
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_change_that_breaks_a_rule_of_the_tables_fails_alone_and_the_rest_of_its_group_is_kept(
    at: Foundation,
) -> None:
    def create(account_id: str) -> Any:
        return lambda tx: build_accounts(at).create(tx, account_id=account_id).account.account_id

    before = at.snapshot.version
    first, broken, second = asyncio.run(together(at, create(FIRST), break_a_rule, create(SECOND)))
    assert (first, second) == (FIRST, SECOND)
    assert isinstance(broken, IntegrityError)
    assert [account.account_id for account in at.database.read_now(list_accounts)] == [FIRST, SECOND]
    recorded = "SELECT event, body FROM audit_record ORDER BY sequence"
    rows = at.database.read_now(lambda connection: connection.execute(text(recorded)).all())
    assert [row.event.rpartition(".")[2] for row in rows] == ["done", "failed", "done"]
    assert '"IntegrityError"' in rows[1].body
    assert "AIDANOBODY" not in rows[1].body
    assert at.snapshot.version.counter == before.counter + 1
    changed = at.database.read_now(
        lambda connection: connection.execute(text("SELECT key FROM change")).scalars().all()
    )
    assert "AIDANOBODY" not in changed
