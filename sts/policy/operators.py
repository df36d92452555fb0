"""Condition operators, composed: a comparison, whether it is negated, `…IfExists`, `ForAllValues:`, `ForAnyValue:`.

The table at the end names each comparison once; the names that exist are those of the IAM User Guide, "Condition
operators", and no others: an operator that was skipped would take its condition with it.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sts.folding import fold_letters
from sts.policy.matching import Patterns, bind_to_segments, compile_patterns
from sts.policy.question import Question
from sts.policy.values import Network, find_address, find_boolean, find_bytes, find_decimal, find_instant, find_network
from sts.policy.variables import Template

Matcher = Callable[[str, Question], bool]  # whether a value of the request matches one of the policy's values


class Quantifier(StrEnum):
    """How an operator takes several values of a request."""

    ONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How values are compared.

    *build* takes the values of the policy: templates when the comparison knows variables, else texts; it returns the
    matcher, or the index of a value that is not of the kind.
    """

    build: Callable[[Any], Matcher | int]
    variables: bool = False
    wildcards: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, taken apart; `Null` has no comparison."""

    comparison: Comparison | None
    negated: bool = False
    if_exists: bool = False
    quantifier: Quantifier = Quantifier.ONE


def find_operator(name: str) -> Operator | None:
    """Return the operator called *name*, or None when there is none; names are exact."""
    if name == "Null":
        return Operator(None)
    prefix, colon, rest = name.rpartition(":")
    stem = rest.removesuffix("IfExists")
    if stem not in _COMPARISONS or (colon and prefix not in {Quantifier.ALL, Quantifier.ANY}):
        return None
    comparison, negated = _COMPARISONS[stem]
    return Operator(comparison, negated, stem != rest, Quantifier(prefix))


def operator_names() -> Iterator[str]:
    """Yield the name of every operator."""
    yield "Null"
    for stem in _COMPARISONS:
        for name in (stem, stem + "IfExists"):
            yield from (name, f"{Quantifier.ALL}:{name}", f"{Quantifier.ANY}:{name}")


@dataclass(frozen=True, slots=True)
class _Texts:
    """Exact comparison of text, or of what *form* makes of it."""

    fixed: frozenset[str]
    templates: tuple[Template, ...]
    form: Callable[[str], str] | None

    def __call__(self, value: str, question: Question) -> bool:
        form = self.form
        value = value if form is None else form(value)
        if value in self.fixed:
            return True
        texts = (template.resolve(question.context) for template in self.templates)
        # Lengths first: many places with a long value make a text that takes long to fold.
        alike = (text for text in texts if text is not None and len(text) == len(value))
        return any(value == (text if form is None else form(text)) for text in alike)


@dataclass(frozen=True, slots=True)
class _Globs:
    """Comparison of text with wildcards."""

    fixed: Patterns
    templates: tuple[Template, ...]

    def __call__(self, value: str, question: Question) -> bool:
        if self.fixed.cover(value, question.memory):
            return True
        return any(template.cover(value, question) for template in self.templates)


@dataclass(frozen=True, slots=True)
class _Arns:
    """Comparison of ARNs, segment by segment."""

    fixed: Patterns
    templates: tuple[Template, ...]

    def __call__(self, value: str, question: Question) -> bool:
        if self.fixed.cover(value, question.memory):
            return True
        return any(template.cover(value, question, arn=True) for template in self.templates)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Comparison of numbers or instants."""

    wanted: tuple[Decimal, ...]
    find: Callable[[str], Decimal | None]
    compare: Callable[[Decimal, Decimal], bool]

    def __call__(self, value: str, question: Question) -> bool:
        del question  # numbers and dates know no variables
        seen = self.find(value)
        return seen is not None and any(self.compare(seen, wanted) for wanted in self.wanted)


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Equality of what the texts mean: booleans, bytes."""

    wanted: frozenset[Any]
    find: Callable[[str], Any]

    def __call__(self, value: str, question: Question) -> bool:
        del question  # as above
        seen = self.find(value)
        return seen is not None and seen in self.wanted


@dataclass(frozen=True, slots=True)
class Absence:
    """Whether a key is absent, for `Null`: "true" or "false", of which *wanted* holds the booleans asked for."""

    wanted: frozenset[bool | None]

    def __call__(self, value: str, question: Question) -> bool:
        """Say whether the absence that *value* tells is asked for."""
        del question  # as above
        return find_boolean(value) in self.wanted


@dataclass(frozen=True, slots=True)
class _Networks:
    """Whether an address lies in a network of its own family."""

    wanted: tuple[Network, ...]

    def __call__(self, value: str, question: Question) -> bool:
        del question  # as above
        address = find_address(value)
        if address is None:
            return False
        family, bits = address
        return any(network.family == family and bits & network.mask == network.bits for network in self.wanted)


def _divide(values: tuple[Template, ...]) -> tuple[list[str], tuple[Template, ...]]:
    """Part the values that are the same for every request from those that a request fills."""
    texts = [template.text for template in values]
    open_ones = tuple(template for template, text in zip(values, texts, strict=True) if text is None)
    return [text for text in texts if text is not None], open_ones


def _build_texts(values: tuple[Template, ...]) -> Matcher:
    fixed, templates = _divide(values)
    return _Texts(frozenset(fixed), templates, None)


def _build_folded(values: tuple[Template, ...]) -> Matcher:
    fixed, templates = _divide(values)
    return _Texts(frozenset(map(fold_letters, fixed)), templates, fold_letters)


def _build_globs(values: tuple[Template, ...]) -> Matcher:
    fixed, templates = _divide(values)
    return _Globs(compile_patterns(fixed), templates)


def _build_arns(values: tuple[Template, ...]) -> Matcher:
    fixed, templates = _divide(values)
    bound = (bind_to_segments((text,)) for text in fixed)
    return _Arns(compile_patterns(text for parts in bound if parts is not None for text in parts), templates)


def _read_values(values: tuple[str, ...], find: Callable[[str], Any]) -> list[Any] | int:
    """Return what the values mean, or the index of the first that is not of the kind."""
    found = [find(value) for value in values]
    return found.index(None) if None in found else found


def _build_ordered(
    find: Callable[[str], Decimal | None], compare: Callable[[Decimal, Decimal], bool]
) -> Callable[[tuple[str, ...]], Matcher | int]:
    def build(values: tuple[str, ...]) -> Matcher | int:
        wanted = _read_values(values, find)
        return wanted if isinstance(wanted, int) else _Ordered(tuple(wanted), find, compare)

    return build


def _build_kinds(find: Callable[[str], Any]) -> Callable[[tuple[str, ...]], Matcher | int]:
    def build(values: tuple[str, ...]) -> Matcher | int:
        wanted = _read_values(values, find)
        return wanted if isinstance(wanted, int) else _Kinds(frozenset(wanted), find)

    return build


def _build_networks(values: tuple[str, ...]) -> Matcher | int:
    wanted = _read_values(values, find_network)
    return wanted if isinstance(wanted, int) else _Networks(tuple(wanted))


_TEXT = Comparison(_build_texts, variables=True)
_FOLDED = Comparison(_build_folded, variables=True)
_GLOB = Comparison(_build_globs, variables=True, wildcards=True)
_ARN = Comparison(_build_arns, variables=True, wildcards=True)
_NUMBER = Comparison(_build_ordered(find_decimal, operator.eq))
_INSTANT = Comparison(_build_ordered(find_instant, operator.eq))

_COMPARISONS: Final = MappingProxyType(
    {
        "StringEquals": (_TEXT, False),
        "StringNotEquals": (_TEXT, True),
        "StringEqualsIgnoreCase": (_FOLDED, False),
        "StringNotEqualsIgnoreCase": (_FOLDED, True),
        "StringLike": (_GLOB, False),
        "StringNotLike": (_GLOB, True),
        "ArnEquals": (_ARN, False),
        "ArnNotEquals": (_ARN, True),
        "ArnLike": (_ARN, False),
        "ArnNotLike": (_ARN, True),
        "NumericEquals": (_NUMBER, False),
        "NumericNotEquals": (_NUMBER, True),
        "NumericLessThan": (Comparison(_build_ordered(find_decimal, operator.lt)), False),
        "NumericLessThanEquals": (Comparison(_build_ordered(find_decimal, operator.le)), False),
        "NumericGreaterThan": (Comparison(_build_ordered(find_decimal, operator.gt)), False),
        "NumericGreaterThanEquals": (Comparison(_build_ordered(find_decimal, operator.ge)), False),
        "DateEquals": (_INSTANT, False),
        "DateNotEquals": (_INSTANT, True),
        "DateLessThan": (Comparison(_build_ordered(find_instant, operator.lt)), False),
        "DateLessThanEquals": (Comparison(_build_ordered(find_instant, operator.le)), False),
        "DateGreaterThan": (Comparison(_build_ordered(find_instant, operator.gt)), False),
        "DateGreaterThanEquals": (Comparison(_build_ordered(find_instant, operator.ge)), False),
        "Bool": (Comparison(_build_kinds(find_boolean)), False),
        "BinaryEquals": (Comparison(_build_kinds(find_bytes)), False),
        "IpAddress": (Comparison(_build_networks), False),
        "NotIpAddress": (Comparison(_build_networks), True),
    }
)
