"""The Condition element: all of its operators and keys must hold (IAM User Guide, "Condition")."""

from dataclasses import dataclass
from typing import Any

from sts.errors import PolicyMalformed
from sts.folding import fold_letters
from sts.policy.grammar import join_place, read_members, read_texts
from sts.policy.operators import Absence, Comparison, Matcher, Operator, Quantifier, find_operator
from sts.policy.question import Question
from sts.policy.values import find_boolean
from sts.policy.variables import parse_template, plain_template


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, compiled; *written* and *wanted* are key and values as the document writes them."""

    operator: str
    key: str
    written: str
    wanted: tuple[str, ...]
    form: Operator
    matcher: Matcher

    def holds(self, question: Question) -> bool:
        """Say whether the context of *question* meets the condition."""
        seen = question.context.get(self.key)
        form = self.form
        if form.comparison is None:
            return self.matcher("false" if seen else "true", question)
        if not seen:
            return _holds_without_value(form)
        if form.quantifier is Quantifier.ONE:
            # Several values without a set operator match nothing, under a negated operator either.
            return len(seen) == 1 and self.matcher(seen[0], question) is not form.negated
        judged = (self.matcher(value, question) is not form.negated for value in seen)
        return all(judged) if form.quantifier is Quantifier.ALL else any(judged)


def parse_conditions(value: Any, place: str, *, variables: bool) -> tuple[Condition, ...]:
    """Parse a Condition element; raises PolicyMalformed.

    *variables* says whether the document's version knows them.
    """
    found = []
    for name, keys in read_members(value, place).items():
        form = find_operator(name)
        if form is None:
            raise PolicyMalformed("There is no such condition operator", place=join_place(place, name))
        for key, values in read_members(keys, join_place(place, name)).items():
            at = join_place(join_place(place, name), key)
            if not key:
                raise PolicyMalformed("A condition key has no name", place=at)
            wanted = read_texts(values, at)
            matcher = _build_matcher(form.comparison, wanted, at, variables=variables)
            folded = fold_letters(key)
            written = folded if key == folded else key  # most policies take memory for one of them
            found.append(Condition(name, folded, written, wanted, form, matcher))
    return tuple(found)


def _holds_without_value(form: Operator) -> bool:
    if form.if_exists:
        return True
    if form.quantifier is Quantifier.ONE:
        return form.negated
    return form.quantifier is Quantifier.ALL


def _build_matcher(comparison: Comparison | None, wanted: tuple[str, ...], place: str, *, variables: bool) -> Matcher:
    if comparison is None:
        return _build_null(wanted, place)
    built = comparison.build(_read_wanted(comparison, wanted, place, variables=variables))
    if isinstance(built, int):
        raise PolicyMalformed("The value is not of the kind that the operator compares", place=f"{place}[{built}]")
    return built


def _read_wanted(comparison: Comparison, wanted: tuple[str, ...], place: str, *, variables: bool) -> tuple[Any, ...]:
    if not comparison.variables:
        return wanted
    if not variables:
        return tuple(plain_template(text, wildcards=comparison.wildcards) for text in wanted)
    return tuple(parse_template(text, place, wildcards=comparison.wildcards) for text in wanted)


def _build_null(wanted: tuple[str, ...], place: str) -> Matcher:
    """Build the matcher of `Null`, which is asked whether the key is absent."""
    absences = frozenset(find_boolean(text) for text in wanted)
    if None in absences:
        raise PolicyMalformed("Null asks for true or false", place=place)
    return Absence(absences)
