"""The one table from Refusal to the codes and statuses of the administration's JSON.

A code is the one that the Query front gives the same Refusal (a test compares them), so that a record says what its
caller was told, by whichever front. Statuses are HTTP's own, since no service model binds them here.
"""

from sts.access import AccessDenied
from sts.errors import (
    AlreadyExists,
    CredentialUnknown,
    CredentialUnsuitable,
    InputInvalid,
    InUse,
    Malformed,
    MediaTypeUnsupported,
    MethodUnsupported,
    NotFound,
    OperationUnknown,
    ParameterRepeated,
    PresignedExpired,
    ProofIncomplete,
    ProofMissing,
    QueryMalformed,
    QuotaExceeded,
    Refusal,
    SessionEnded,
    SignatureExpired,
    SignatureMismatch,
    Throttled,
    TooLarge,
    Unavailable,
    Unproven,
)
from sts.policy.document import Kind
from sts.policy.evaluate import Outcome

INTERNAL_FAILURE = ("InternalFailure", 500)

ERRORS: dict[type[Refusal], tuple[str, int]] = {
    AccessDenied: ("AccessDenied", 403),
    Unproven: ("AccessDenied", 403),
    ProofMissing: ("MissingAuthenticationToken", 403),
    ProofIncomplete: ("IncompleteSignature", 400),
    CredentialUnknown: ("InvalidClientTokenId", 403),
    CredentialUnsuitable: ("AccessDenied", 403),
    SignatureMismatch: ("SignatureDoesNotMatch", 403),
    SignatureExpired: ("SignatureDoesNotMatch", 403),
    PresignedExpired: ("RequestExpired", 400),
    SessionEnded: ("ExpiredToken", 403),
    Malformed: ("ValidationError", 400),
    InputInvalid: ("InvalidInput", 400),
    QueryMalformed: ("MalformedQueryString", 400),
    ParameterRepeated: ("InvalidParameterCombination", 400),
    MethodUnsupported: ("UnsupportedMethod", 405),
    OperationUnknown: ("InvalidAction", 404),
    MediaTypeUnsupported: ("UnsupportedMediaType", 415),
    TooLarge: ("RequestEntityTooLarge", 413),
    NotFound: ("NoSuchEntity", 404),
    AlreadyExists: ("EntityAlreadyExists", 409),
    InUse: ("DeleteConflict", 409),
    QuotaExceeded: ("LimitExceeded", 409),
    Throttled: ("Throttling", 429),
    Unavailable: ("ServiceUnavailable", 503),
}

_KINDS = {
    Kind.IDENTITY: "identity-based policy",
    Kind.BOUNDARY: "permissions boundary",
    Kind.SESSION: "session policy",
}


def find_error(refusal: Refusal) -> tuple[str, int]:
    """Return code and status for *refusal*: its own row or that of the nearest kind that has one."""
    for kind in type(refusal).__mro__:
        if kind in ERRORS:
            return ERRORS[kind]
    return INTERNAL_FAILURE


def render_message(refusal: Refusal) -> str:
    """Return the text for the caller; of a denial, which kind of policy was in the way."""
    if not isinstance(refusal, AccessDenied):
        return refusal.message
    decision = refusal.decision
    kind = _KINDS.get(decision.blocked_by or Kind.IDENTITY, "policy")
    denied = decision.outcome is Outcome.EXPLICIT_DENY
    reason = f"a statement of its {kind} denies it" if denied else f"no {kind} allows it"
    return f"{refusal.message}: {reason}"
