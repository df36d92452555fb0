"""What a new password must be (NIST SP 800-63B-4 section 3.1.1.2): long enough, and nobody's first guess.

Fifteen code points where it stands alone, eight beside a second factor; of any characters, with no rule of classes
unless the account makes one. Refused, each with its reason: what is on the list of common and breached passwords, a
word of the context (the service, the user, the account) that is the whole password, something short again and again,
and what is put together from nothing but such. A long phrase may hold any of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sts.crypto.passwords import STRONG_ALONE, encode_password
from sts.directory.guessed import find_unit, is_common, is_put_together
from sts.directory.owners import Owner, owner_id_of
from sts.errors import PasswordRefused
from sts.model import Caller, CallerKind, User
from sts.passwords import KeptPassword, PasswordPolicy
from sts.store.aliases import find_alias
from sts.store.login_profiles import find_login_profile, list_former_passwords
from sts.store.mfa_devices import list_owned
from sts.store.password_policies import find_password_policy

BESIDE_FACTOR = 8
_SERVICE = ("sts", "aws", "amazon", "console", "iam", "security token service", "security-token-service")
_SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")  # (IAM API Reference, "UpdateAccountPasswordPolicy")

_ADVICE = "Anything goes, spaces too: a few words that nobody would guess are best."


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """What a new password of one owner must be; *former* are the present one, and others that it may not be again."""

    minimum_length: int
    context_words: frozenset[str]
    policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    former: tuple[KeptPassword, ...] = ()

    def require(self, password: str) -> None:
        """Raise PasswordRefused unless *password* may be a new one; which of its former ones it is, is not looked at.

        Raises PasswordMalformed when it is too long to be looked at: nothing is ever cut off.
        """
        text = encode_password(password).decode("utf-8")
        if len(text) < self.minimum_length:
            raise PasswordRefused(f"Password should have at least {self.minimum_length} characters{self._say_why()}")
        self._require_unguessed(text)
        for wanted in self._find_lacking(text):
            raise PasswordRefused(f"Password should have at least one {wanted}")

    def describe(self) -> str:
        """Return what a password has to be, for who chooses one."""
        wanted = list(self._find_lacking(""))
        among = f", among them at least one {' and one '.join(wanted)}" if wanted else ""
        count = self.policy.former_passwords or 0
        present = "Not the present one, no" if self.former else "No"
        other = f"None of your last {count}, no" if count > 1 else present
        return (
            f"At least {self.minimum_length} characters{among}. {_ADVICE} {other} name of yours or of the service, "
            "and none of the passwords that are tried first."
        )

    def _require_unguessed(self, text: str) -> None:
        if is_common(text):
            raise PasswordRefused("Password is too common: it is among those that are tried first, or was in a breach")
        if text.casefold() in self.context_words:
            raise PasswordRefused("Password should not be the name of the user, the account or the service")
        unit = find_unit(text)
        if len(unit) < min(len(text), self.minimum_length):
            raise PasswordRefused("Password should not be the same few characters again and again")
        if is_put_together(unit, self.context_words):
            raise PasswordRefused(
                "Password should be more than common passwords, names and rows of keys put together: add a few words"
            )

    def _say_why(self) -> str:
        if self.minimum_length not in {STRONG_ALONE, BESIDE_FACTOR}:
            return ", as the account's password policy says"
        return " where there is no second factor" if self.minimum_length == STRONG_ALONE else ""

    def _find_lacking(self, text: str) -> Iterator[str]:
        """Return the classes that the account's policy asks for and the password has no character of."""
        if self.policy.require_symbols and not _SYMBOLS & set(text):
            yield "symbol"
        if self.policy.require_numbers and not any("0" <= each <= "9" for each in text):
            yield "number"
        if self.policy.require_uppercase and not any("A" <= each <= "Z" for each in text):
            yield "uppercase letter"
        if self.policy.require_lowercase and not any("a" <= each <= "z" for each in text):
            yield "lowercase letter"


def find_rules(connection: Connection, owner: Owner) -> PasswordRules:
    """Return what a new password of *owner* must be."""
    policy = find_password_policy(connection, owner.account_id) or PasswordPolicy()
    floor = BESIDE_FACTOR if list_owned(connection, owner_id_of(owner)) else STRONG_ALONE
    return PasswordRules(
        minimum_length=max(floor, policy.minimum_length),
        context_words=frozenset(_find_words(connection, owner)),
        policy=policy,
        former=_find_former(connection, owner_id_of(owner), policy.former_passwords or 0),
    )


def lets_change(connection: Connection, caller: Caller) -> bool:
    """Say whether the account lets each of its users change its own password, and read what it has to be."""
    policy = find_password_policy(connection, caller.account_id) if caller.kind is CallerKind.USER else None
    return policy is not None and policy.allow_change


def _find_words(connection: Connection, owner: Owner) -> Iterator[str]:
    yield from _SERVICE
    yield owner.account_id
    alias = find_alias(connection, owner.account_id)
    if alias is not None:
        yield alias.casefold()
    if owner.name:
        yield owner.name.casefold()
    if isinstance(owner, User):
        yield owner.name.partition("@")[0].casefold()  # a name is often an address


def _find_former(connection: Connection, owner_id: str, count: int) -> tuple[KeptPassword, ...]:
    profile = find_login_profile(connection, owner_id)
    if profile is None:
        return ()
    return (profile.password, *list_former_passwords(connection, owner_id, max(0, count - 1)))
