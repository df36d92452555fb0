"""The audit page: the records of the account, looked for as `sts audit list` looks for them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from sts.access import AccessDenied
from sts.audit.events import Event, Outcome
from sts.audit.search import Page as Found
from sts.audit.search import Search, Searches, parse_search
from sts.audit.summary import COLUMNS, summarize
from sts.errors import Refusal
from sts.signin.answer import Answer, Shown
from sts.signin.errors import render_message
from sts.signin.row import Page, Proof, Target, on_target, show_page
from sts.signin.table import HOME
from sts.signin.visit import Visit

_PATH = "/ui/audit"
_RECORDS = "25"  # on a page
_TYPED = ("principal", "action", "resource", "outcome", "from", "to")
# They come with the marker. A page that goes on has them in its address all the same: its form shows what was typed.
_WITH_MARKER = frozenset({"from", "to"})


@dataclass(frozen=True, slots=True)
class AuditPages:
    """Shows records."""

    searches: Searches

    def rows(self) -> Iterator[Page]:
        """Return the rows."""
        yield show_page(
            "ShowAudit",
            _PATH,
            self._show,
            event=Event.AUDIT_READ,
            proof=Proof.SESSION,
            find=_find,
            demands=on_target("sts-admin:ListAuditRecords"),
            back=HOME,
            retry=_show_again,
        )

    async def _show(self, visit: Visit, target: Target) -> Answer:
        search, account_id = target.noun, visit.caller.account_id
        found = await visit.read(lambda connection: self.searches.find_page(connection, account_id, search))
        return Shown("audit.html", _describe(visit, found))


async def _find(visit: Visit) -> Target:
    """Return what stands for the records, with what is looked for; raises Malformed kin."""
    asked = {name: value for name, value in visit.query.items() if value}  # an empty field of the form asks for nothing
    if "marker" in asked:
        asked = {name: value for name, value in asked.items() if name not in _WITH_MARKER}
    search: Search = parse_search({**asked, "order": "newest", "limit": _RECORDS})
    visit.entry.parameters = asdict(search)
    return Target(f"arn:aws:sts-admin::{visit.caller.account_id}:audit/records", search)


async def _show_again(visit: Visit, refusal: Refusal) -> Shown:
    if isinstance(refusal, AccessDenied):  # whom no other filter would help
        raise refusal
    return Shown("audit.html", {**_describe(visit, None), "error": render_message(refusal)})


def _describe(visit: Visit, found: Found | None) -> Mapping[str, Any]:
    typed = {name: visit.query.get(name, "") for name in _TYPED}
    asked = {name: value for name, value in typed.items() if value}
    older = None if found is None or found.marker is None else f"{_PATH}?{urlencode({**asked, 'marker': found.marker})}"
    rows = () if found is None else [dict(zip(COLUMNS, summarize(_read(body)), strict=True)) for body in found.bodies]
    outcomes = [str(outcome) for outcome in Outcome]
    return {"typed": typed, "rows": rows, "older": older, "outcomes": outcomes, "error": ""}


def _read(body: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = msgspec.json.decode(body)
    return told
