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

    def note(self, connection: Connection, entries: Iterable[Entry]) -> None:
        """Note the uses of the access keys of *entries*, but for those that were noted in the same minute."""
        due: dict[str, Use] = {}
        for entry in entries:
            key = entry.caller.access_key_id if entry.caller is not None and entry.caller.session is None else ""
            at = to_microseconds(entry.at)
            if not key or self._minutes.get(key) == at // _MINUTE:
                continue
            due[key] = Use(key, at, entry.service, entry.region)
            if len(self._minutes) >= _REMEMBERED:
                self._minutes.clear()
            self._minutes[key] = at // _MINUTE
        if due:
            put_uses(connection, tuple(due.values()))
