"""Decide: ask the evaluator, and return the Decision with its reasons or raise AccessDenied with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sts.policy.document import NamedPolicy

Context = Mapping[str, tuple[str, ...]]  # condition keys in lower case; an absent key is absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One (action, resource) pair that a command needs, with the condition keys that the command brings.

    *trust* is the trust policy of the role that is to be assumed: it must allow, even within the account.
    """

    action: str
    resource: str
    resource_account_id: str
    context: Context = field(default_factory=dict)
    trust: NamedPolicy | None = None
