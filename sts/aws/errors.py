"""The one table from Refusal to AWS's codes and statuses, and AWS's sentence for a denial.

Codes that the service models declare have the models' statuses (a test compares them). Errors of the wire itself are
AWS's common errors (IAM API Reference, "Common Errors"; STS API Reference, likewise).
"""

from dataclasses import dataclass

from sts.access import AccessDenied
from sts.arn import iam_arn
from sts.errors import (
    AlreadyExists,
    ClaimsTooLarge,
    CodeInvalid,
    CredentialUnknown,
    CredentialUnsuitable,
    FactorUnproven,
    FeatureDisabled,
    FeatureEnabled,
    FlowEnded,
    FormStale,
    IdentityTokenExpired,
    IdentityTokenInvalid,
    InputInvalid,
    InUse,
    IssuerUnreachable,
    KeyGone,
    KeyMalformed,
    KeysRefused,
    KeyUnknown,
    LifeOutgrown,
    LinkInvalid,
    LoginCodeInvalid,
    LoginEnded,
    LoginOutdated,
    Malformed,
    MediaTypeUnsupported,
    MethodUnsupported,
    NotFound,
    OperationMissing,
    OperationUnknown,
    OutboundDisabled,
    PackedTooLarge,
    ParameterInvalid,
    ParameterRepeated,
    PasswordMalformed,
    PasswordMismatch,
    PasswordRefused,
    PasswordWrong,
    PolicyMalformed,
    PossessionUnproven,
    PresignedExpired,
    ProofIncomplete,
    ProofMissing,
    QueryMalformed,
    QuotaExceeded,
    ReauthenticationNeeded,
    ReceiptInvalid,
    Refusal,
    RootRefused,
    RotationUnderWay,
    SealBroken,
    SessionEnded,
    SignatureExpired,
    SignatureMismatch,
    SignInNeeded,
    SignInRefused,
    TemporarilyUnmodifiable,
    Throttled,
    TokenExpired,
    TokenInvalid,
    TokenMalformed,
    TooLarge,
    TransportInsecure,
    Unavailable,
    Unmodifiable,
    Unproven,
    UserUnsuitable,
    ValueInvalid,
)
from sts.policy.document import Kind
from sts.policy.evaluate import Decision, Outcome
from sts.store.policies import SERVICE_ACCOUNT


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as AWS clients know it; up to 499 the sender is at fault."""

    code: str
    status: int


INTERNAL_FAILURE = WireError("InternalFailure", 500)

ERRORS: dict[type[Refusal], WireError] = {
    AccessDenied: WireError("AccessDenied", 403),
    Unproven: WireError("AccessDenied", 403),
    ProofMissing: WireError("MissingAuthenticationToken", 403),
    ProofIncomplete: WireError("IncompleteSignature", 400),
    CredentialUnknown: WireError("InvalidClientTokenId", 403),
    CredentialUnsuitable: WireError("AccessDenied", 403),
    SignatureMismatch: WireError("SignatureDoesNotMatch", 403),
    SignatureExpired: WireError("SignatureDoesNotMatch", 403),
    PresignedExpired: WireError("RequestExpired", 400),
    SessionEnded: WireError("ExpiredToken", 403),
    FactorUnproven: WireError("AccessDenied", 403),
    IdentityTokenInvalid: WireError("InvalidIdentityToken", 400),
    IdentityTokenExpired: WireError("ExpiredTokenException", 400),
    IssuerUnreachable: WireError("IDPCommunicationError", 400),
    LinkInvalid: WireError("AccessDenied", 403),
    RootRefused: WireError("AccessDenied", 403),
    # Of `aws login`, whose own front tells them in signin's words (`aws/login.py`): for the record.
    PossessionUnproven: WireError("ValidationException", 400),
    LoginEnded: WireError("AccessDeniedException", 401),
    LoginCodeInvalid: WireError("AccessDeniedException", 401),
    LoginOutdated: WireError("AccessDeniedException", 403),
    SignInRefused: WireError("AccessDenied", 403),
    PasswordWrong: WireError("AccessDenied", 403),
    UserUnsuitable: WireError("InvalidUserType", 400),
    PasswordRefused: WireError("PasswordPolicyViolation", 400),
    PasswordMalformed: WireError("PasswordPolicyViolation", 400),
    CodeInvalid: WireError("InvalidAuthenticationCode", 403),
    Malformed: WireError("ValidationError", 400),
    QueryMalformed: WireError("MalformedQueryString", 400),
    ParameterRepeated: WireError("InvalidParameterCombination", 400),
    ParameterInvalid: WireError("ValidationError", 400),
    ReceiptInvalid: WireError("InvalidAuthorizationMessageException", 400),
    ValueInvalid: WireError("InvalidParameterValue", 400),
    InputInvalid: WireError("InvalidInput", 400),
    PolicyMalformed: WireError("MalformedPolicyDocument", 400),
    OperationMissing: WireError("MissingAction", 400),
    OperationUnknown: WireError("InvalidAction", 400),
    MethodUnsupported: WireError("UnsupportedMethod", 405),
    MediaTypeUnsupported: WireError("UnsupportedMediaType", 415),
    TooLarge: WireError("RequestEntityTooLarge", 413),
    NotFound: WireError("NoSuchEntity", 404),
    AlreadyExists: WireError("EntityAlreadyExists", 409),
    InUse: WireError("DeleteConflict", 409),
    QuotaExceeded: WireError("LimitExceeded", 409),
    Unmodifiable: WireError("UnmodifiableEntity", 400),
    TemporarilyUnmodifiable: WireError("EntityTemporarilyUnmodifiable", 409),
    PackedTooLarge: WireError("PackedPolicyTooLarge", 400),
    FeatureEnabled: WireError("FeatureEnabled", 409),
    FeatureDisabled: WireError("FeatureDisabled", 404),
    OutboundDisabled: WireError("OutboundWebIdentityFederationDisabledException", 403),
    LifeOutgrown: WireError("SessionDurationEscalationException", 403),
    ClaimsTooLarge: WireError("JWTPayloadSizeExceededException", 400),
    # Only commands on the host rotate and remove keys: for the record.
    RotationUnderWay: WireError("RotationUnderWay", 409),
    KeyGone: WireError("NoSuchEntity", 404),
    # Only the pages refuse so: for the record.
    SignInNeeded: WireError("SignInNeeded", 403),
    ReauthenticationNeeded: WireError("ReauthenticationNeeded", 403),
    FlowEnded: WireError("SignInExpired", 400),
    FormStale: WireError("FormStale", 403),
    TransportInsecure: WireError("TransportInsecure", 403),
    Throttled: WireError("Throttling", 400),
    Unavailable: WireError("ServiceUnavailable", 503),
    # What the rooms of the house raise at one another: if one comes this far the fault is ours, and its words are not
    # for the caller.
    TokenMalformed: INTERNAL_FAILURE,
    TokenInvalid: INTERNAL_FAILURE,
    TokenExpired: INTERNAL_FAILURE,
    KeyUnknown: INTERNAL_FAILURE,
    KeyMalformed: INTERNAL_FAILURE,
    KeysRefused: INTERNAL_FAILURE,
    PasswordMismatch: INTERNAL_FAILURE,
    SealBroken: INTERNAL_FAILURE,
}

_KEPT = iam_arn(SERVICE_ACCOUNT, "policy/")

_KINDS = {
    Kind.IDENTITY: "identity-based policy",
    Kind.BOUNDARY: "permissions boundary",
    Kind.SESSION: "session policy",
    Kind.RESOURCE: "resource-based policy",
    Kind.TRUST: "role trust policy",
}


def find_wire_error(refusal: Refusal) -> WireError:
    """Return the wire's error for *refusal*: its own row or that of the nearest kind that has one."""
    for kind in type(refusal).__mro__:
        if kind in ERRORS:
            return ERRORS[kind]
    return INTERNAL_FAILURE


def code_of(refusal: Refusal) -> str:
    """Return the wire's code for *refusal*."""
    return find_wire_error(refusal).code


def message_of(refusal: Refusal) -> str:
    """Return the text for the caller."""
    return _deny(refusal) if isinstance(refusal, AccessDenied) else refusal.message


def _deny(denied: AccessDenied) -> str:
    decision = denied.decision
    if denied.caller.federated is not None:
        return f"Not authorized to perform {decision.action}"
    return (
        f"User: {denied.caller.arn} is not authorized to perform: {decision.action} "
        f"on resource: {decision.resource} {_reason(decision)}"
    )


def _reason(decision: Decision) -> str:
    """Say why, in words that do not tell whether a role exists: a trust policy's explicit deny reads as its silence."""
    kind = decision.blocked_by or Kind.IDENTITY
    if kind is not Kind.TRUST and dict(decision.said).get(kind) is Outcome.EXPLICIT_DENY:
        return f"with an explicit deny in {_article(kind)} {_KINDS[kind]}"
    if kind is Kind.RESOURCE and decision.resource.startswith(_KEPT):
        return "because it belongs to the service, and no account may change it"
    return f"because no {_KINDS[kind]} allows the {decision.action} action"


def _article(kind: Kind) -> str:
    return "an" if kind is Kind.IDENTITY else "a"
