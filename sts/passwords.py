"""The nouns of passwords, frozen: how one is kept, who has it, what it must be, and the link by which it is set."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPassword:
    """A password as it is kept: an Argon2id hash, and the version of the pepper that went into it."""

    hashed: str = field(repr=False)
    pepper_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProfile:
    """What its owner signs in to the pages with.

    *owner_id* is a user's unique id, or an account's number for root. *first_until* is None for a password that its
    owner chose; one that somebody else set is taken until then, and only to choose another. *change_required* asks for
    another as well. *used_at* is when its owner last signed in, with every factor that was asked for.
    """

    owner_id: str
    account_id: str
    password: KeptPassword
    reset_required: bool
    change_required: bool = False
    first_until: datetime | None
    created_at: datetime
    changed_at: datetime
    used_at: datetime | None = None

    @property
    def must_change(self) -> bool:
        """Whether the owner has to choose another password before anything else."""
        return self.change_required or self.first_until is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """What an account asks of its passwords; the service's own rules hold beside it, and the stricter counts."""

    minimum_length: int = 6
    require_symbols: bool = False
    require_numbers: bool = False
    require_uppercase: bool = False
    require_lowercase: bool = False
    allow_change: bool = False
    maximum_age_days: int | None = None
    former_passwords: int | None = None
    hard_expiry: bool = False

    def find_end(self, changed_at: datetime) -> datetime | None:
        """Return when a password that was set at *changed_at* has to be changed; None for never."""
        return None if self.maximum_age_days is None else changed_at + timedelta(days=self.maximum_age_days)

    def is_over(self, changed_at: datetime, now: datetime) -> bool:
        """Say whether a password that was set at *changed_at* has to be changed by *now*."""
        ends_at = self.find_end(changed_at)
        return ends_at is not None and ends_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """What lets its owner set a password once: a user, by unique id, or an account's root, by the account's digits.

    *stamp* is a MAC of its secret.
    """

    link_id: str
    account_id: str
    owner_id: str
    stamp: bytes = field(repr=False)
    made_at: datetime
    expires_at: datetime
