"""Every metric there is, and the values that its labels take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OTHER = "other"
GIVEN: tuple[str, ...] = ()  # the values of such a label are given at the start

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_CACHE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)
_STORE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 4.0)


class Kind(StrEnum):
    """What a metric does; a gauge has the label `worker`, the others are summed over all workers."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric; *labels* with the values that each takes, *bounds* those of a histogram's buckets, in seconds."""

    name: str
    kind: Kind
    meaning: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers a series of it takes: a histogram has a bucket without a bound, and the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


_OUTCOMES = ("done", "refused", "failed")
_EARLY = (
    "MalformedHTTPRequest",
    "HTTPVersionNotSupported",
    "RequestURITooLong",
    "RequestHeadersTooLarge",
    "RequestTimeout",
    "ServiceUnavailable",
)

REQUESTS = Metric(
    "sts_requests_total",
    Kind.COUNTER,
    "Requests by operation; refused is the caller's fault, failed is ours or that of what we rest on.",
    {"operation": GIVEN, "outcome": _OUTCOMES},
)
REQUEST_SECONDS = Metric(
    "sts_request_duration_seconds",
    Kind.HISTOGRAM,
    "From a request's head to its durable record.",
    {"operation": GIVEN},
    _REQUEST_SECONDS,
)
ERRORS = Metric("sts_errors_total", Kind.COUNTER, "Requests that were answered with an error.", {"code": GIVEN})
DECISIONS = Metric(
    "sts_decisions_total",
    Kind.COUNTER,
    "Decisions, one for each action and resource that a request needed.",
    {"decision": ("allowed", "implicitDeny", "explicitDeny")},
)
MINTED = Metric("sts_sessions_minted_total", Kind.COUNTER, "Temporary credentials that were handed out.")
OPENED = Metric(
    "sts_sessions_opened_total",
    Kind.COUNTER,
    "Session tokens that were opened: as the cache remembered them, or by verifying their signature.",
    {"source": ("cache", "signature")},
)
THROTTLED = Metric(
    "sts_throttled_total",
    Kind.COUNTER,
    "Requests that were refused by a rate.",
    {"rate": ("failed_proofs", "caller", "codes", "passwords")},
)
CONNECTIONS = Metric("sts_connections", Kind.GAUGE, "Connections that are open.")
REFUSED_EARLY = Metric(
    "sts_server_refusals_total",
    Kind.COUNTER,
    "Requests and connections that the server ended before they reached an operation.",
    {"code": _EARLY},
)
CACHE_CALLS = Metric(
    "sts_cache_calls_total",
    Kind.COUNTER,
    "Calls of the cache; a hit or miss of those that look for something.",
    {"verb": ("get", "put", "add", "take", "count"), "outcome": ("hit", "miss", "done", "unavailable")},
)
CACHE_SECONDS = Metric(
    "sts_cache_duration_seconds",
    Kind.HISTOGRAM,
    "What a call of the cache takes.",
    {"verb": ("get", "put", "add", "take", "count")},
    _CACHE_SECONDS,
)
STORE_CALLS = Metric(
    "sts_store_calls_total",
    Kind.COUNTER,
    "Transactions of the store; refused is a change that a rule of the directory forbids.",
    {"work": ("read", "transact"), "outcome": ("done", "refused", "unavailable", "failed")},
)
STORE_SECONDS = Metric(
    "sts_store_duration_seconds",
    Kind.HISTOGRAM,
    "What a transaction of the store takes, with the wait for a connection.",
    {"work": ("read", "transact")},
    _STORE_SECONDS,
)
AUDIT_RECORDS = Metric("sts_audit_records_total", Kind.COUNTER, "Entries that became durable records.")
AUDIT_COMMITS = Metric(
    "sts_audit_commits_total", Kind.COUNTER, "Commits of groups of records.", {"outcome": ("done", "failed")}
)
AUDIT_SECONDS = Metric(
    "sts_audit_commit_duration_seconds",
    Kind.HISTOGRAM,
    "What a commit of a group of records takes.",
    {},
    _STORE_SECONDS,
)
NOTICES = Metric(
    "sts_notices_total",
    Kind.COUNTER,
    "What owners of credentials should hear of.",
    {"notice": ("factor-changed", "password-changed", "link-made", "sign-in-after-failures")},
)
AUDIT_QUEUE = Metric("sts_audit_queue", Kind.GAUGE, "Entries that wait for the commit before theirs to end.")
AUDIT_FAILING = Metric("sts_audit_failing", Kind.GAUGE, "1 while records cannot be written: nothing is answered then.")
PROVIDER_FETCHES = Metric(
    "sts_provider_fetches_total",
    Kind.COUNTER,
    "Fetches of the keys of identity providers, by what came of them.",
    {
        "outcome": (
            "done",
            "address",
            "name",
            "connection",
            "tls",
            "time",
            "redirect",
            "status",
            "encoding",
            "size",
            "answer",
            "document",
        )
    },
)
SNAPSHOT_ENTRIES = Metric("sts_snapshot_entries", Kind.GAUGE, "Things of the store that are held in memory.")
SNAPSHOT_BYTES = Metric("sts_snapshot_bytes", Kind.GAUGE, "What they take, as it is reckoned against the bound.")
SNAPSHOT_BOUND = Metric("sts_snapshot_bound_bytes", Kind.GAUGE, "What they may take.")
SNAPSHOT_LOOKS = Metric(
    "sts_snapshot_looks_total",
    Kind.COUNTER,
    "Things that were looked for in memory; a miss is read from the store.",
    {"outcome": ("hit", "miss")},
)

# In memory that workers share; where each stands follows from the order.
COUNTED = (
    REQUESTS,
    REQUEST_SECONDS,
    ERRORS,
    DECISIONS,
    MINTED,
    OPENED,
    THROTTLED,
    CONNECTIONS,
    REFUSED_EARLY,
    CACHE_CALLS,
    CACHE_SECONDS,
    STORE_CALLS,
    STORE_SECONDS,
    AUDIT_RECORDS,
    AUDIT_COMMITS,
    AUDIT_SECONDS,
    NOTICES,
    AUDIT_QUEUE,
    AUDIT_FAILING,
    SNAPSHOT_ENTRIES,
    SNAPSHOT_BYTES,
    SNAPSHOT_BOUND,
    SNAPSHOT_LOOKS,
    PROVIDER_FETCHES,
)

_KEY = {"purpose": GIVEN, "algorithm": GIVEN}
KEY_AGE = Metric("sts_key_age_seconds", Kind.GAUGE, "For how long the current key has been at work.", _KEY)
KEY_VERSION = Metric("sts_key_version", Kind.GAUGE, "The version of the current key.", _KEY)
KEY_DUE = Metric(
    "sts_key_due_timestamp_seconds",
    Kind.GAUGE,
    "When the next key takes over, by plan or by schedule; absent where neither says.",
    _KEY,
)
RESIDENT = Metric("process_resident_memory_bytes", Kind.GAUGE, "Memory that the process has.")
CPU = Metric("process_cpu_seconds_total", Kind.COUNTER, "CPU time of the process, its own and the system's.")
OPEN_FILES = Metric("process_open_fds", Kind.GAUGE, "Files and connections that the process has open.")
MOST_FILES = Metric("process_max_fds", Kind.GAUGE, "Files and connections that the process may have open.")
STARTED = Metric("process_start_time_seconds", Kind.GAUGE, "When the process began.")
BUILD = Metric("sts_build_info", Kind.GAUGE, "Always 1.", {"version": GIVEN})

# Looked up when they are asked for; those of keys and of the build are the same in every worker.
ASKED = (KEY_AGE, KEY_VERSION, KEY_DUE, RESIDENT, CPU, OPEN_FILES, MOST_FILES, STARTED, BUILD)
METRICS = (*COUNTED, *ASKED)
