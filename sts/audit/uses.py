"""When each long-term access key and each role was last used: noted once a minute, in the commit of the records."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from sts.audit.record import Entry
from sts.model import CallerKind
from sts.store.audit import RoleUse, Use, put_uses
from sts.store.database import to_microseconds

_MINUTE = timedelta(minutes=1) // timedelta(microseconds=1)
_REMEMBERED = 100_000


@dataclass(slots=True)
class Uses:
    """The minute in which the use of each key and role was last noted."""

    _minutes: dict[str, int] = field(default_factory=dict)

    def note(self, connection: Connection, entries: Iterable[Entry]) -> tuple[Use | RoleUse, ...]:
        """Note what of keys and roles *entries* used, but for what is known to be noted in the same minute.

        Returns what was noted, for `remember` once it is committed: a commit that failed has noted nothing.
        """
        keys: dict[str, Use] = {}
        roles: dict[str, RoleUse] = {}
        for entry in entries:
            caller, at = entry.caller, to_microseconds(entry.at)
            if caller is None:
                continue
            if caller.kind is CallerKind.ROLE_SESSION and self._is_due(caller.unique_id, at):
                roles[caller.unique_id] = RoleUse(caller.unique_id, at, entry.region)
            elif caller.session is None and caller.access_key_id and self._is_due(caller.access_key_id, at):
                keys[caller.access_key_id] = Use(caller.access_key_id, at, entry.service, entry.region)
        if keys or roles:
            put_uses(connection, keys.values(), roles.values())
        return (*keys.values(), *roles.values())

    def remember(self, noted: Iterable[Use | RoleUse]) -> None:
        """Remember that these uses are durable, and need not be noted again in their minute."""
        for use in noted:
            if len(self._minutes) >= _REMEMBERED:
                self._minutes.clear()
            self._minutes[use[0]] = use.used_at // _MINUTE

    def _is_due(self, used: str, at: int) -> bool:
        return self._minutes.get(used) != at // _MINUTE
