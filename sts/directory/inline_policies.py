"""Inline policies of users, groups and roles (IAM User Guide, "Managed policies and inline policies")."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sts.directory.bearers import Bearer, confirm_changeable, kind_of
from sts.errors import NotFound, QuotaExceeded
from sts.policy.document import Kind, measure_document, parse_document
from sts.store import inline_policies
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


def _sizes() -> Mapping[BearerKind, int]:
    return {BearerKind.USER: 2_048, BearerKind.GROUP: 5_120, BearerKind.ROLE: 10_240}


@dataclass(frozen=True, slots=True)
class InlinePolicies:
    """Changes inline policies.

    *sizes* says how many characters, white space not counted, all inline policies of one bearer may have together.
    """

    sizes: Mapping[BearerKind, int] = field(default_factory=_sizes)

    def put(self, tx: Transaction, *, bearer: Bearer, name: str, document: str) -> None:
        """Give *bearer* the policy *document* under *name*, in place of what it had under that name.

        Raises PolicyMalformed, QuotaExceeded, and NotFound when the bearer is no longer what was authorized.
        """
        present = confirm_changeable(tx.connection, bearer)
        parse_document(document, Kind.IDENTITY)
        self._require_room(tx.connection, present, name, document)
        inline_policies.put_inline_policy(tx.connection, present.unique_id, name, document)
        tx.touch(kind_of(present), present.unique_id)

    def delete(self, tx: Transaction, *, bearer: Bearer, name: str) -> None:
        """Take the inline policy *name* from *bearer*; raises NotFound when it has none of that name."""
        present = confirm_changeable(tx.connection, bearer)
        if not inline_policies.delete_inline_policy(tx.connection, present.unique_id, name):
            raise _unknown(present, name)
        tx.touch(kind_of(present), present.unique_id)

    def _require_room(self, connection: Connection, bearer: Bearer, name: str, document: str) -> None:
        kind = kind_of(bearer)
        others = inline_policies.list_other_documents(connection, bearer.unique_id, name)
        if sum(measure_document(text) for text in (document, *others)) > self.sizes[kind]:
            raise QuotaExceeded(f"Maximum policy size of {self.sizes[kind]} bytes exceeded for {kind} {bearer.name}")


def get_inline_policy(connection: Connection, bearer: Bearer, name: str) -> str:
    """Return the text of the bearer's inline policy as it was put; raises NotFound."""
    document = inline_policies.find_inline_policy(connection, bearer.unique_id, name)
    if document is None:
        raise _unknown(bearer, name)
    return document


def _unknown(bearer: Bearer, name: str) -> NotFound:
    return NotFound(f"The {kind_of(bearer)} policy with name {name} cannot be found.")
