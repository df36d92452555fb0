"""What is refused, in our own words: no HTTP status and no code of any wire stands here.

A Refusal carries two texts: *message* is for the caller, *detail* for the audit record only. Each front has one table
from Refusal to its wire. Whatever is not a Refusal is a bug. (AccessDenied, which carries a Decision, stands in
`access.py`.)
"""


class Refusal(Exception):  # noqa: N818  a refusal is an answer, not a fault of the program
    """A request that is answered with no."""

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Unproven(Refusal):
    """Who is calling was not proven.

    *claimed* is the ARN of the known principal that the failed proof was for: such failures are recorded one by one.
    """

    def __init__(self, message: str, *, detail: str | None = None, claimed: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.claimed = claimed


class ProofMissing(Unproven):
    """The request carries no proof at all."""


class ProofIncomplete(Unproven):
    """The proof lacks a part, or a part is not of its form."""


class CredentialUnknown(Unproven):
    """No active credential has this identifier, or the session token is not its own."""


class CredentialUnsuitable(Unproven):
    """The credential is what it says, and not of a kind that this operation takes."""


class SignatureMismatch(Unproven):
    """The signature is not the one that the credential makes over this request."""


class SignatureExpired(Unproven):
    """The instant that was signed is too far from now."""


class PresignedExpired(Unproven):
    """The presigned URL is past the span that it was signed for."""


class SessionEnded(Unproven):
    """The temporary credentials have expired or were revoked."""


class FactorUnproven(Unproven):
    """The caller's second factor was not proven: its code is wrong, was used, or is of no device of the caller's."""


class LinkInvalid(Unproven):
    """A link to set a password was used, has expired, was replaced by another, or is none; which, its detail says."""

    def __init__(self, detail: str) -> None:
        super().__init__("This link was used, has expired or is not whole: ask for a new one", detail=detail)


class RootRefused(Unproven):
    """Root would sign in, and the settings do not let it."""


class SignInNeeded(Unproven):
    """Nobody is signed in: there is no session, or it has ended."""


class ReauthenticationNeeded(Unproven):
    """The session's bearer proved who they are too long ago for what is asked."""


class FlowEnded(Refusal):
    """A sign-in under way has expired, or was continued elsewhere."""


class FormStale(Refusal):
    """A form was not sent from the page that this browser was shown last: it is old, or another site's."""


class TransportInsecure(Refusal):
    """What is asked is answered by https only, or on loopback."""


class PossessionUnproven(Unproven):
    """The sender did not prove to hold the key that comes with the request."""


class LoginEnded(Unproven):
    """A login, or the token that should continue it, is unknown, at its end, was used up or was ended."""


class LoginCodeInvalid(LoginEnded):
    """The authorization code of a login is unknown, was used, or is too old."""


class LoginOutdated(LoginEnded):
    """The user's password, second factor or state is not what it was when the login was begun."""


class SignInRefused(Unproven):
    """Account, user name and password are not those of somebody who may sign in now; which it is, *detail* says.

    One sentence for all: an unknown user, a wrong password, a locked and a disabled user look alike.
    """


class PasswordWrong(Refusal):
    """Whoever is signed in already gave a wrong current password, or too many were wrong before."""


class UserUnsuitable(Refusal):
    """What is asked is for users, and the caller is root or no user at all."""


class PasswordMismatch(Refusal):
    """A password is not the one that was hashed."""


class CodeInvalid(Refusal):
    """The codes are not two that follow each other on the device, or were used."""


class IdentityTokenInvalid(Unproven):
    """A token of another issuer is none that is taken here; *message* says why, since its bearer can mend it."""


class IdentityTokenExpired(IdentityTokenInvalid):
    """A token of another issuer is past its end."""


class Malformed(Refusal):
    """The input has not the form that it must have."""


class QueryMalformed(Malformed):
    """The query or form cannot be decoded: bad UTF-8, bad percent encoding, NUL, too many parameters."""


class ParameterRepeated(Malformed):
    """A parameter is given twice, or two that exclude each other are both given."""


class ParameterInvalid(Malformed):
    """A parameter is missing, unknown to what is offered, or breaks a rule."""


class ValueInvalid(ParameterInvalid):
    """A parameter's value contradicts another's, or what the calling session brings with it."""


class ReceiptInvalid(Malformed):
    """A receipt of a denial was not made here, is not whole, or is not for this reader; which, its detail says."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "The encoded authorization message is not one that this account can read: it is cut off or not whole, or "
            "is another account's",
            detail=detail,
        )


class InputInvalid(Malformed):
    """A value breaks a rule of the directory: a name, a path, a number of entities, an identifier."""


class PasswordMalformed(Malformed):
    """A password is too long to be looked at, or no text."""


class PasswordRefused(Refusal):
    """A new password is too short, common, known from breaches, or told from context; *message* says which."""


class PolicyMalformed(Malformed):
    """A policy document breaks the grammar; *place* says where, as a path such as `Statement[0].Action`."""

    def __init__(self, message: str, *, place: str = "", detail: str | None = None) -> None:
        super().__init__(f"{message} (at {place})" if place else message, detail=detail)
        self.place = place


class TokenMalformed(Malformed):
    """A token has not the form that it must have."""


class TokenInvalid(Refusal):
    """A token's signature or claims do not hold."""


class TokenExpired(TokenInvalid):
    """A token is past its end."""


class OperationMissing(Refusal):
    """The request names no operation."""


class OperationUnknown(Refusal):
    """The operation does not exist, or is not offered."""


class MethodUnsupported(Refusal):
    """The HTTP method is none of those that this address takes."""


class MediaTypeUnsupported(Refusal):
    """The body is of a type that is not read here."""


class TooLarge(Refusal):
    """The body is larger than the operation takes."""


class NotFound(Refusal):
    """What is named does not exist."""


class AlreadyExists(Refusal):
    """The name is taken."""


class InUse(Refusal):
    """What should go is still used by something else."""


class QuotaExceeded(Refusal):
    """One more, or one larger, than may be kept."""


class Unmodifiable(Refusal):
    """What is named is not the caller's to change."""


class TemporarilyUnmodifiable(Refusal):
    """What is named cannot be changed for a while; *message* says how long."""


class FeatureEnabled(Refusal):
    """What should be enabled for the account is enabled already."""


class FeatureDisabled(Refusal):
    """What is asked about, or should be disabled, is not enabled for the account."""


class OutboundDisabled(Refusal):
    """The account is no issuer to strangers: outbound federation is not enabled for it."""


class LifeOutgrown(Refusal):
    """What is asked for would outlive the session that asks."""


class ClaimsTooLarge(Refusal):
    """The claims of a token take more room than it has for them."""


class PackedTooLarge(Refusal):
    """The session policies and tags do not fit into a session token."""


class Throttled(Refusal):
    """Too many requests; *rate* is which rate was above its bound: `failed_proofs`, `caller`, `codes`, `passwords`."""

    def __init__(self, message: str, *, retry_after_seconds: int, rate: str, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_seconds = retry_after_seconds
        self.rate = rate


class Unavailable(Refusal):
    """Something that the answer rests on is down; *message* says what."""


class IssuerUnreachable(Unavailable):
    """The keys of another issuer cannot be had now; why, *detail* says: whom we reach is not for every caller."""


class KeyUnknown(TokenInvalid):
    """No key of the set has the identifier that the token names; a fresh set may hold it."""


class KeyMalformed(Malformed):
    """A key has not the form that it must have, or is too weak to be used."""


class KeysRefused(Refusal):
    """The key folder cannot be trusted or is incomplete; *message* names every fault."""


class KeyGone(NotFound):
    """The key that is named was there once: it was removed, or its time is over."""


class RotationUnderWay(Refusal):
    """A rotation was asked for while the key of an earlier one has not begun its work."""


class SealBroken(Refusal):
    """A sealed value or a MAC was altered, or was not made by one of our keys for this place."""
