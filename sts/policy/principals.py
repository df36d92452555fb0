"""The Principal element: whom a trust or resource policy names, and how directly (IAM User Guide, "Principal").

In stored form users, roles and role sessions stand as unique ids (`AIDA…`, `AROA…`, `AROA…:session-name`), so that a
name that is given to someone else inherits no trust. A unique id that nobody bears matches nobody.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sts.errors import PolicyMalformed
from sts.federation import BUILT_IN_PROVIDERS
from sts.policy.grammar import Object, join_place, read_json, read_members, read_text, read_texts
from sts.policy.matching import gather
from sts.policy.question import Principal, PrincipalKind

_MEMBERS = frozenset({"AWS", "Service", "Federated"})
# An account delegates to its own principals, never to who merely comes with a token of a provider registered in it.
_OF_AN_ACCOUNT = frozenset(
    {PrincipalKind.ROOT, PrincipalKind.USER, PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER}
)

_ACCOUNT = re.compile(r"(?:arn:aws:iam::)?(?P<account_id>[0-9]{12})(?P<root>:root)?")
_ENTITY = re.compile(r"arn:aws:iam::[0-9]{12}:(?:user|role)/[!-)+->@-~]+", re.ASCII)
_SESSION = re.compile(r"arn:aws:sts::[0-9]{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+", re.ASCII)
_FEDERATED_USER = re.compile(r"arn:aws:sts::[0-9]{12}:federated-user/[\w+=,.@-]+", re.ASCII)
_UNIQUE_ID = re.compile(r"(?:AIDA[A-Z0-9]+|AROA[A-Z0-9]+(?::[\w+=,.@-]+)?)", re.ASCII)
_PROVIDER = re.compile(r"arn:aws:iam::[0-9]{12}:(?:oidc-provider|saml-provider)/[!-)+->@-~]+", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII)


class Grant(IntEnum):
    """How directly an Allow reaches the caller: the more directly, the fewer other policies must allow as well."""

    DELEGATED = 1  # to the account, or to the user that made a federated session: their own policies decide
    ROLE = 2  # to every session of a role: its boundary and session policies still limit it
    DIRECT = 3  # to the user, the session, the service, the provider, or everyone


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a statement names; *excluding* is NotPrincipal."""

    everyone: bool
    accounts: Collection[str]
    names: Collection[str]  # ARNs and unique ids of users, roles and sessions
    services: Collection[str]
    providers: Collection[str]
    excluding: bool

    def find_grant(self, principal: Principal) -> Grant | None:
        """Return how directly the element names *principal*, or None when it does not."""
        if self.everyone or self._name_directly(principal):
            return Grant.DIRECT
        if principal.kind is PrincipalKind.ROLE_SESSION and self._name_role(principal):
            return Grant.ROLE
        if self._name_account(principal) or any(name in self.names for name in _creators(principal)):
            return Grant.DELEGATED
        return None

    def reach(self, principal: Principal, *, bounded: bool) -> bool:
        """Say whether a Deny with this element concerns *principal*; *bounded*: it has a permissions boundary.

        NotPrincipal spares only a caller whose account, role and self are each listed, and none with a boundary.
        """
        if not self.excluding:
            return self.find_grant(principal) is not None
        return bounded or not (self.everyone or self._list_each(principal))

    def _list_each(self, principal: Principal) -> bool:
        if principal.kind in _OF_AN_ACCOUNT and not self._name_account(principal):
            return False
        if principal.kind is PrincipalKind.ROLE_SESSION and not self._name_role(principal):
            return False
        return principal.kind is PrincipalKind.ROOT or self._name_directly(principal)

    def _name_account(self, principal: Principal) -> bool:
        return principal.kind in _OF_AN_ACCOUNT and principal.account_id in self.accounts

    def _name_role(self, principal: Principal) -> bool:
        return principal.principal_arn in self.names or principal.unique_id in self.names

    def _name_directly(self, principal: Principal) -> bool:
        match principal.kind:
            case PrincipalKind.SERVICE:
                return principal.arn in self.services
            case PrincipalKind.PROVIDER:
                return principal.arn in self.providers or principal.host in self.providers
            case PrincipalKind.USER:
                return principal.arn in self.names or principal.unique_id in self.names
            case PrincipalKind.ROLE_SESSION:
                by_id = f"{principal.unique_id}:{principal.session_name}"
                return principal.arn in self.names or by_id in self.names
            case PrincipalKind.FEDERATED_USER:
                return principal.arn in self.names
            case PrincipalKind.ROOT | PrincipalKind.ANONYMOUS:
                return False


def parse_principals(value: Any, place: str, *, excluding: bool) -> Principals:
    """Parse a Principal or (*excluding*) NotPrincipal element; raises PolicyMalformed."""
    members = _read_principals(value, place)
    accounts, names = _sort_names(members.get("AWS", ()), join_place(place, "AWS"))
    services, providers = gather(members.get("Service", ())), gather(members.get("Federated", ()))
    for name in services:
        if not _SERVICE.fullmatch(name):
            raise PolicyMalformed("This names no service", place=join_place(place, "Service"))
    for name in providers:
        if name not in BUILT_IN_PROVIDERS and not _PROVIDER.fullmatch(name):
            raise PolicyMalformed("This names no identity provider", place=join_place(place, "Federated"))
    everyone = "*" in members.get("AWS", ())
    return Principals(everyone, accounts, names, services, providers, excluding)


def principals_of(text: str) -> tuple[str, ...]:
    """Return the AWS principals that the document *text* names, in order, each once; raises PolicyMalformed."""
    return tuple(dict.fromkeys(name for _, names in _read_aws_members(read_json(text)) for name in names))


def replace_principals(text: str, names: Mapping[str, str]) -> str:
    """Return the document with each AWS principal that is a key of *names* replaced by its value, as compact JSON.

    It makes the stored form out of the caller's and back; what *names* does not hold stays. Raises PolicyMalformed.
    """
    document = read_json(text)
    for element, written in _read_aws_members(document):
        replaced = [names.get(name, name) for name in written]
        element["AWS"] = replaced if isinstance(element["AWS"], list) else replaced[0]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _read_aws_members(document: Object) -> Iterator[tuple[Object, tuple[str, ...]]]:
    """Yield every principal element that has a member AWS, with the names in it."""
    listed = document.get("Statement")
    statements = listed if isinstance(listed, list) else [listed]
    for index, statement in enumerate(statements):
        place = f"Statement[{index}]" if isinstance(listed, list) else "Statement"
        members = read_members(statement, place)
        for name in ("Principal", "NotPrincipal"):
            if isinstance(members.get(name), Object) and "AWS" in members[name]:
                at = join_place(place, name)
                yield members[name], read_texts(read_members(members[name], at)["AWS"], join_place(at, "AWS"))


def _read_principals(value: Any, place: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Object):
        if read_text(value, place) != "*":
            raise PolicyMalformed("A principal stands under AWS, Service or Federated, or is *", place=place)
        return {"AWS": ("*",)}
    members = read_members(value, place, _MEMBERS)
    if not members:
        raise PolicyMalformed("At least one principal is expected", place=place)
    return {name: read_texts(names, join_place(place, name)) for name, names in members.items()}


def _sort_names(written: tuple[str, ...], place: str) -> tuple[Collection[str], Collection[str]]:
    accounts, names = [], []
    for name in written:
        account = _ACCOUNT.fullmatch(name)
        if account and name.startswith("arn:") is (account["root"] is not None):
            accounts.append(account["account_id"])
        elif any(form.fullmatch(name) for form in (_ENTITY, _SESSION, _FEDERATED_USER, _UNIQUE_ID)):
            names.append(name)
        elif name != "*":
            raise PolicyMalformed("This names no account, user, role or session", place=place)
    return gather(accounts), gather(names)


def _creators(principal: Principal) -> tuple[str, ...]:
    """Return the names of the user that made a federated session."""
    if principal.kind is not PrincipalKind.FEDERATED_USER:
        return ()
    return tuple(name for name in (principal.creator_arn, principal.creator_id) if name)
