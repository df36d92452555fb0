"""When each long-term access key was last used: noted once a minute, in the commit of the records."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from sts.audit.record import Entry
from sts.store.audit import Use, put_uses
from sts.store.database import to_microseconds

_MINUTE = timedelta(minutes=1) // timedelta(microseconds=1)
_REMEMBERED = 100_000


@dataclass(slots=True)
class Uses:
    """The minute in which each key's use was last noted."""

    _minutes: dict[str, int] = field(default_factory=dict)

    def note(self, connection: Connection, entries: Iterable[Entry]) -> tuple[Use, ...]:
        """Note the uses of the access keys of *entries*, but for those that are known to be noted in the same minute.

        Returns what was noted, for `remember` once it is committed: a commit that failed has noted nothing.
        """
        due: dict[str, Use] = {}
        for entry in entries:
            key = entry.caller.access_key_id if entry.caller is not None and entry.caller.session is None else ""
            at = to_microseconds(entry.at)
            if key and self._minutes.get(key) != at // _MINUTE:
                due[key] = Use(key, at, entry.service, entry.region)
        noted = tuple(due.values())
        if noted:
            put_uses(connection, noted)
        return noted

    def remember(self, noted: Iterable[Use]) -> None:
        """Remember that these uses are durable, and need not be noted again in their minute."""
        for use in noted:
            if len(self._minutes) >= _REMEMBERED:
                self._minutes.clear()
            self._minutes[use.access_key_id] = use.used_at // _MINUTE
