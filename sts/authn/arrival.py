"""What is known of a request before anything in it is read: where it came from, by what, how and when.

The client's address is found here and nowhere else: it feeds `aws:SourceIp` and the record.
"""

from datetime import datetime

from starlette.datastructures import Headers
from starlette.types import Scope

from sts.audit.record import Entry
from sts.evaluator import Circumstances


def begin_entry(scope: Scope, request_id: str, at: datetime) -> Entry:
    """Return the entry of a request that just arrived."""
    client = scope.get("client")
    return Entry(
        request_id=request_id,
        at=at,
        address=client[0] if client else "",
        user_agent=Headers(scope=scope).get("user-agent", ""),
    )


def describe_circumstances(scope: Scope, entry: Entry) -> Circumstances:
    """Return what policies may ask about the request of *entry*, whose caller is proven."""
    return Circumstances(
        at=entry.at,
        source_ip=entry.address,
        user_agent=entry.user_agent,
        secure_transport=scope["scheme"] == "https",
        region=entry.region,
    )
