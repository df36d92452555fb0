"""A policy document: parsed once, compiled, and indexed by action.

Sizes are limited by whoever stores the document, with `measure_document`; memory by whoever keeps it, with its weight.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sts.errors import PolicyMalformed
from sts.policy.grammar import Object, join_place, measure_document, read_json, read_members, read_text
from sts.policy.principals import principals_of, replace_principals
from sts.policy.statements import Kind, Statement, parse_statement
from sts.policy.weight import weigh

__all__ = [
    "Document",
    "Kind",
    "NamedPolicy",
    "Statement",
    "measure_document",
    "parse_document",
    "principals_of",
    "replace_principals",
    "write_denial",
]

_MEMBERS = frozenset({"Version", "Id", "Statement"})
_WITH_VARIABLES = "2012-10-17"
_WITHOUT_VARIABLES = "2008-10-17"

Index = Mapping[str, tuple[Statement, ...]]
_NOTHING: Index = MappingProxyType({})


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Document:
    """A compiled policy; *weight* is what it and its text take of memory, in bytes.

    The statements stand three times over: under each action that they name exactly, under each service of which they
    name actions by pattern, and in *anywhere* when they name everything or use NotAction. A single statement, which
    most policies have, stands in *anywhere* whatever it names: an index of it would take more than the statement.
    """

    kind: Kind
    statements: tuple[Statement, ...]
    exact: Index
    wild: Index
    anywhere: tuple[Statement, ...]
    weight: int = field(default=0, compare=False)

    def find_statements(self, action: str, service: str) -> tuple[Statement, ...]:
        """Return the statements that concern *action* (folded, with its *service*)."""
        found = self.exact.get(action, ())
        for statement in self.wild.get(service, ()):
            if statement.actions.wild[service].cover(action):
                found += (statement,)
        for statement in self.anywhere:
            if statement.actions.name(action, service):
                found += (statement,)
        return found


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A document and the name by which decisions cite it: an ARN, or such as `policy "NAME" of user/PATH/NAME`.

    When the text is not *readable*, or there is none any more, the document stands for it and denies everything.
    """

    name: str
    document: Document
    readable: bool = True


def parse_document(text: str, kind: Kind) -> Document:
    """Parse and compile the policy *text*.

    Raises PolicyMalformed, which says where, for whatever is not in the grammar or has no place in a policy of *kind*.
    """
    members = read_members(read_json(text), "", _MEMBERS)
    variables = _parse_version(members)
    if "Id" in members:
        read_text(members["Id"], "Id")
    statements = _parse_statements(members, kind, variables=variables)
    _require_unique_sids(statements)
    return _index(kind, statements, text)


def write_denial(kind: Kind) -> str:
    """Return the text of a policy of *kind* that denies everyone everything that such a policy can speak of."""
    if kind is Kind.TRUST:
        return '{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:*"}}'
    principal = '"Principal":"*",' if kind is Kind.RESOURCE else ""
    return f'{{"Statement":{{"Effect":"Deny",{principal}"Action":"*","Resource":"*"}}}}'


def _parse_version(members: Object) -> bool:
    """Return whether the document knows variables. Without a version it is of 2008 and does not."""
    version = members.get("Version", _WITHOUT_VARIABLES)
    if version not in (_WITH_VARIABLES, _WITHOUT_VARIABLES):
        raise PolicyMalformed(f"The version is {_WITH_VARIABLES} or {_WITHOUT_VARIABLES}", place="Version")
    return bool(version == _WITH_VARIABLES)


def _parse_statements(members: Object, kind: Kind, *, variables: bool) -> tuple[Statement, ...]:
    listed = members.get("Statement")
    if not isinstance(listed, list):
        return (parse_statement(listed, "Statement", kind, index=0, variables=variables),)
    if not listed:
        raise PolicyMalformed("At least one statement is expected", place="Statement")
    return tuple(
        parse_statement(value, f"Statement[{index}]", kind, index=index, variables=variables)
        for index, value in enumerate(listed)
    )


def _require_unique_sids(statements: Iterable[Statement]) -> None:
    seen: set[str] = set()
    for statement in statements:
        if statement.sid is None:
            continue
        if statement.sid in seen:
            raise PolicyMalformed(
                "Two statements have this Sid", place=join_place(f"Statement[{statement.index}]", "Sid")
            )
        seen.add(statement.sid)


def _index(kind: Kind, statements: tuple[Statement, ...], text: str) -> Document:
    if len(statements) == 1:
        return Document(kind, statements, _NOTHING, _NOTHING, statements, weigh((statements, text)))
    exact: dict[str, tuple[Statement, ...]] = {}
    wild: dict[str, tuple[Statement, ...]] = {}
    anywhere = []
    for statement in statements:
        actions = statement.actions
        if actions.everything or actions.excluding:
            anywhere.append(statement)
            continue
        for service in actions.wild:
            wild[service] = (*wild.get(service, ()), statement)
        for action in actions.exact:
            patterns = actions.wild.get(action.partition(":")[0])
            if patterns is None or not patterns.cover(action):
                exact[action] = (*exact.get(action, ()), statement)
    parts = statements, exact, wild, tuple(anywhere)
    return Document(kind, *parts, weigh((*parts, text)))
