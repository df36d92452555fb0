"""When each long-term access key was last used: noted once a minute, in the commit of the records."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from sts.audit.record import Entry
from sts.store.audit import put_use
from sts.store.database import to_microseconds

_MINUTE = timedelta(minutes=1) // timedelta(microseconds=1)
_REMEMBERED = 100_000


@dataclass(slots=True)
class Uses:
    """The minute in which each key's use was last noted."""

    _minutes: dict[str, int] = field(default_factory=dict)

    def note(self, connection: Connection, entry: Entry) -> None:
        """Note the use of the access key of *entry*, unless it was noted in the same minute."""
        key = entry.caller.access_key_id if entry.caller is not None and entry.caller.session is None else ""
        at = to_microseconds(entry.at)
        minute = at // _MINUTE
        if not key or self._minutes.get(key) == minute:
            return
        if len(self._minutes) >= _REMEMBERED:
            self._minutes.clear()
        put_use(connection, key, at, entry.service, entry.region)
        self._minutes[key] = minute
