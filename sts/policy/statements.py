"""One statement, compiled: effect, principals, actions, resources, conditions."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sts.errors import PolicyMalformed
from sts.folding import fold
from sts.policy.conditions import Condition, parse_conditions
from sts.policy.grammar import Object, join_place, read_members, read_text, read_texts
from sts.policy.matching import Patterns, compile_patterns, gather, mark_arn_head, mark_wildcards
from sts.policy.principals import Principals, parse_principals
from sts.policy.question import Question
from sts.policy.variables import Template, parse_template

_ARN_SEGMENTS = 6
_REPEATED = 64  # characters of actions up to which many policies may well name the same

_SID = re.compile(r"[A-Za-z0-9]*")
_ACTION = re.compile(r"(?P<service>[A-Za-z0-9-]+):(?P<name>[!-9;-~]+)", re.ASCII)
_WILD = re.compile(r"[*?]")


class Kind(StrEnum):
    """What a policy is attached to, and so what it may say; TRUST is a resource policy of a role."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    BOUNDARY = "boundary"
    SESSION = "session"
    TRUST = "trust"


_NO_PATTERNS: Mapping[str, Patterns] = MappingProxyType({})
_MEMBERS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_WITHOUT_PRINCIPAL = frozenset({"Principal", "NotPrincipal"})
_FOREIGN_MEMBERS: Mapping[Kind, frozenset[str]] = {
    Kind.IDENTITY: _WITHOUT_PRINCIPAL,
    Kind.BOUNDARY: _WITHOUT_PRINCIPAL,
    Kind.SESSION: _WITHOUT_PRINCIPAL,
    Kind.RESOURCE: frozenset(),
    Kind.TRUST: frozenset({"NotPrincipal", "NotAction", "Resource", "NotResource"}),
}


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions that a statement lists; *excluding* is NotAction."""

    everything: bool
    exact: Collection[str]
    wild: Mapping[str, Patterns]  # by service
    excluding: bool

    def name(self, action: str, service: str) -> bool:
        """Say whether the statement concerns *action* (folded, with its *service*)."""
        patterns = self.wild.get(service)
        listed = self.everything or action in self.exact or (patterns is not None and patterns.cover(action))
        return listed is not self.excluding


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources that a statement lists; *excluding* is NotResource."""

    fixed: Patterns
    templates: tuple[Template, ...]
    excluding: bool
    denies: bool

    def concern(self, question: Question) -> bool:
        """Say whether the statement concerns the resource of *question*.

        A pattern whose variable has no value lists nothing. Under NotResource that would widen an Allow to what its
        author meant to leave out, so there the statement concerns nothing.
        """
        if self.fixed.cover(question.resource, question.memory):
            return not self.excluding
        for template in self.templates:
            covered = template.cover(question.resource, question)
            if covered:
                return not self.excluding
            if covered is None and self.excluding and not self.denies:
                return False
        return self.excluding


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement; *resources* is None in a trust policy, *principals* in a policy of an identity."""

    index: int
    sid: str | None
    denies: bool
    principals: Principals | None
    actions: Actions
    resources: Resources | None
    conditions: tuple[Condition, ...]

    def meet(self, question: Question) -> bool:
        """Say whether resource and conditions fit."""
        if self.resources is not None and not self.resources.concern(question):
            return False
        for condition in self.conditions:  # noqa: SIM110  a generator costs more than the loop, on the hottest path
            if not condition.holds(question):
                return False
        return True


def parse_statement(value: Any, place: str, kind: Kind, *, index: int, variables: bool) -> Statement:
    """Parse one statement; raises PolicyMalformed. *variables* says whether the document's version knows them."""
    members = read_members(value, place, _MEMBERS)
    for name in members:
        if name in _FOREIGN_MEMBERS[kind]:
            raise PolicyMalformed(f"This member has no place in a policy of kind {kind}", place=join_place(place, name))
    denies = _parse_effect(members, place)
    return Statement(
        index,
        _parse_sid(members, place, kind),
        denies,
        None if "Principal" in _FOREIGN_MEMBERS[kind] else _parse_whom(members, place, denies=denies),
        _parse_actions(members, place, kind),
        None if kind is Kind.TRUST else _parse_resources(members, place, kind, denies=denies, variables=variables),
        _parse_conditions(members, place, variables=variables),
    )


def _parse_conditions(members: Object, place: str, *, variables: bool) -> tuple[Condition, ...]:
    if "Condition" not in members:
        return ()
    return parse_conditions(members["Condition"], join_place(place, "Condition"), variables=variables)


def _parse_sid(members: Object, place: str, kind: Kind) -> str | None:
    if "Sid" not in members:
        return None
    sid = read_text(members["Sid"], join_place(place, "Sid"))
    if kind is not Kind.RESOURCE and not _SID.fullmatch(sid):
        raise PolicyMalformed("A Sid has only letters and digits", place=join_place(place, "Sid"))
    return sid or None


def _parse_effect(members: Object, place: str) -> bool:
    effect = members.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyMalformed("The effect is Allow or Deny", place=join_place(place, "Effect"))
    return bool(effect == "Deny")


def _choose(members: Object, place: str, name: str) -> tuple[Any, str, bool]:
    """Return value and place of the one of *name* and Not*name* that is there, and whether it is the second."""
    negative = f"Not{name}"
    if (name in members) is (negative in members):
        raise PolicyMalformed(f"One of {name} and {negative} is required, and not both", place=place)
    chosen = name if name in members else negative
    return members[chosen], join_place(place, chosen), chosen == negative


def _parse_whom(members: Object, place: str, *, denies: bool) -> Principals:
    value, at, excluding = _choose(members, place, "Principal")
    if excluding and not denies:
        raise PolicyMalformed("NotPrincipal with Allow would allow everyone else, anonymous callers too", place=at)
    return parse_principals(value, at, excluding=excluding)


def _parse_actions(members: Object, place: str, kind: Kind) -> Actions:
    value, at, excluding = _choose(members, place, "Action")
    texts = read_texts(value, at)
    if sum(map(len, texts)) > _REPEATED:
        return _compile_actions(texts, at, kind, excluding=excluding)
    return _share_actions(texts, at, kind, excluding=excluding)


def _compile_actions(texts: tuple[str, ...], place: str, kind: Kind, *, excluding: bool) -> Actions:
    exact: list[str] = []
    wild: dict[str, list[str]] = {}
    everything = False
    for text in texts:
        if text in ("*", "*:*") and kind is not Kind.TRUST:
            everything = True
            continue
        written = _ACTION.fullmatch(text)
        if not written:
            raise PolicyMalformed("An action is written service:name", place=place)
        service, action = fold(written["service"]), fold(text)
        if kind is Kind.TRUST and service != "sts":
            raise PolicyMalformed("A trust policy names actions of sts only", place=place)
        if _WILD.search(action):
            wild.setdefault(service, []).append(mark_wildcards(action))
        else:
            exact.append(action)
    patterns: Mapping[str, Patterns] = _NO_PATTERNS
    if wild:
        patterns = {service: compile_patterns(marked) for service, marked in wild.items()}
    return Actions(everything, gather(exact), patterns, excluding)


# A few short lists stand in most policies: they are compiled once, and take memory once.
_share_actions = lru_cache(1_024)(_compile_actions)


def _parse_resources(members: Object, place: str, kind: Kind, *, denies: bool, variables: bool) -> Resources:
    value, at, excluding = _choose(members, place, "Resource")
    fixed: list[str] = []
    templates: list[Template] = []
    for text in read_texts(value, at):
        template = _parse_resource(text, at, kind, variables=variables)
        if template.text is None:
            templates.append(template)
        else:
            fixed.append(template.text)
    return Resources(compile_patterns(fixed), tuple(templates), excluding, denies)


def _parse_resource(text: str, place: str, kind: Kind, *, variables: bool) -> Template:
    """Parse the pattern of a resource: `*`, or an ARN. Variables are known after the fifth colon."""
    if text == "*":
        return Template((mark_wildcards(text),))
    segments = text.split(":", _ARN_SEGMENTS - 1)
    if segments[0] != "arn" or not segments[1:] or "" in segments[1:3]:
        raise PolicyMalformed("A resource is an ARN or *", place=place)
    missing = _ARN_SEGMENTS - len(segments)
    if missing and kind not in (Kind.IDENTITY, Kind.BOUNDARY):
        raise PolicyMalformed("An ARN has six parts", place=place)
    segments += ["*"] * missing
    head = mark_arn_head(":".join(segments[:-1])) + ":"
    if not variables:
        return Template((head, mark_wildcards(segments[-1])))
    return Template((head, *parse_template(segments[-1], place, wildcards=True).parts))
