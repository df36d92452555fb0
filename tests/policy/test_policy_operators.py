from typing import Any

import pytest

from sts.errors import PolicyMalformed
from sts.policy.evaluate import Outcome
from sts.policy.operators import find_operator, operator_names
from tests.policy.asking import condition_holds, decide, parse, statement

pytestmark = pytest.mark.pure

# IAM User Guide, "Condition operators": every comparison, and what may be put around it.
COMPARISONS = [
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
    *("NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan"),
    *("DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
]
NEGATED = {name for name in COMPARISONS if "Not" in name}
SAMPLES = {
    "Numeric": "1",
    "Date": "2026-01-01",
    "Bool": "true",
    "Binary": "YQ==",
    "Ip": "10.0.0.1",
    "NotIp": "10.0.0.1",
}
OTHERS = {"Numeric": "x", "Date": "x", "Bool": "false", "Binary": "Yg==", "Ip": "10.0.0.2", "NotIp": "10.0.0.2"}


def _sample(comparison: str, samples: dict[str, str], default: str) -> str:
    return next((value for prefix, value in samples.items() if comparison.startswith(prefix)), default)


def test_the_composed_operators_are_those_that_aws_names() -> None:
    wanted = {
        prefix + name + suffix
        for name in COMPARISONS
        for prefix in ("", "ForAllValues:", "ForAnyValue:")
        for suffix in ("", "IfExists")
    }
    names = list(operator_names())
    assert len(names) == len(set(names)) == 26 * 6 + 1
    assert set(names) == wanted | {"Null"}
    assert all(find_operator(name) for name in names)


@pytest.mark.parametrize(
    "name",
    [
        *("", ":", "StringEqual", "stringequals", "STRINGEQUALS", "StringEquals ", "NullIfExists", "ForAnyValue:Null"),
        *("ForAllValues:NullIfExists", "BoolNotEquals", "NotBool", "StringNotEqualsNot", "IpNotAddress", "IfExists"),
        *("NotIpAddressIfExistsIfExists", "ForSomeValues:StringEquals", "forallvalues:StringEquals", ":StringEquals"),
        *("ForAllValues:ForAnyValue:StringEquals", "BinaryNotEquals", "BinaryLike", "NumericLike", "DateLike"),
        *("StringLessThan", "StringNotLikeIgnoreCase", "StringLikeIgnoreCase", "NotIpAddress:ForAnyValue", "Equals"),
    ],
)
def test_no_other_operator_exists(name: str) -> None:
    assert find_operator(name) is None
    with pytest.raises(PolicyMalformed, match="no such condition operator"):
        parse(statement(Condition={name: {"a:k": "true"}}))


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_an_absent_key_is_judged_by_the_form_of_the_operator(comparison: str) -> None:
    wanted = _sample(comparison, SAMPLES, "x")
    expected = {
        "": comparison in NEGATED,
        "IfExists": True,
        "ForAllValues:": True,
        "ForAllValues:IfExists": True,
        "ForAnyValue:": False,
        "ForAnyValue:IfExists": True,
    }
    for form, holds in expected.items():
        prefix, colon, suffix = form.rpartition(":")
        operator = prefix + colon + comparison + suffix
        assert condition_holds(operator, "a:k", wanted, {}) is holds, operator
        assert condition_holds(operator, "a:k", wanted, {"a:k": ()}) is holds, operator


@pytest.mark.parametrize("suffix", ["", "IfExists"])
@pytest.mark.parametrize("comparison", [name for name in COMPARISONS if "Than" not in name])
def test_several_values_of_a_request_need_a_set_operator(comparison: str, suffix: str) -> None:
    name = comparison + suffix
    equal = "arn:aws:s3:::a"
    same = _sample(comparison, SAMPLES, equal)
    other = _sample(comparison, OTHERS, "arn:aws:s3:::b")
    negated = comparison in NEGATED
    for values, hits in (((same,), 1), ((other,), 0), ((same, other), 1), ((same, same), 2), ((other, other), 0)):
        met = len(values) - hits if negated else hits
        context = {"a:k": values}
        assert condition_holds(f"ForAllValues:{name}", "a:k", same, context) is (met == len(values))
        assert condition_holds(f"ForAnyValue:{name}", "a:k", same, context) is (met > 0)
        assert condition_holds(name, "a:k", same, context) is (len(values) == 1 and met == 1)


def test_several_policy_values_are_or_and_under_a_negated_operator_nor() -> None:
    seen = {"a:k": ("b",)}
    assert condition_holds("StringEquals", "a:k", ["a", "b"], seen)
    assert not condition_holds("StringEquals", "a:k", ["a", "c"], seen)
    assert not condition_holds("StringNotEquals", "a:k", ["a", "b"], seen)
    assert condition_holds("StringNotEquals", "a:k", ["a", "c"], seen)
    assert not condition_holds("ForAnyValue:StringNotEquals", "a:k", ["a", "b"], {"a:k": ("a", "b")})
    assert condition_holds("ForAnyValue:StringNotEquals", "a:k", ["a", "b"], {"a:k": ("a", "c")})
    assert not condition_holds("ForAllValues:StringNotEquals", "a:k", ["a", "b"], {"a:k": ("a", "c")})
    assert not condition_holds("NotIpAddress", "a:k", ["10.0.0.0/8", "192.168.0.0/16"], {"a:k": ("192.168.1.1",)})


def test_all_operators_and_all_keys_must_hold() -> None:
    condition = {"StringEquals": {"a:k": "x", "a:l": "y"}, "Bool": {"a:m": "true"}}
    full = {"a:k": ("x",), "a:l": ("y",), "a:m": ("true",)}
    assert decide(statement(Condition=condition), context=full) is Outcome.ALLOWED
    for key in full:
        assert decide(statement(Condition=condition), context={**full, key: ("z",)}) is Outcome.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("wanted", "absent", "empty", "present"),
    [
        ("true", True, True, False),
        ("false", False, False, True),
        (True, True, True, False),
        ("TRUE", True, True, False),
        (["true", "false"], True, True, True),
    ],
)
def test_null_asks_whether_a_key_is_absent(wanted: Any, absent: bool, empty: bool, present: bool) -> None:  # noqa: FBT001  columns
    assert condition_holds("Null", "a:k", wanted, {}) is absent
    assert condition_holds("Null", "a:k", wanted, {"a:k": ()}) is empty
    assert condition_holds("Null", "a:k", wanted, {"a:k": ("x",)}) is present
    assert condition_holds("Null", "a:k", wanted, {"a:k": ("", "")}) is present


TABLE = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a", "a\n", False),
    ("StringEqualsIgnoreCase", "Alice", "aLICE", True),
    ("StringEqualsIgnoreCase", "\u00c9t\u00e9", "\u00e9T\u00c9", True),
    ("StringEqualsIgnoreCase", "k", "\u212a", False),
    ("StringEqualsIgnoreCase", "i", "\u0130", False),
    ("StringNotEqualsIgnoreCase", "Alice", "ALICE", False),
    ("StringLike", "a*c", "a:b/c", True),
    ("StringLike", "a?c", "a/c", True),
    ("StringLike", "a.c", "abc", False),
    ("StringLike", "A*", "abc", False),
    ("StringNotLike", "a*", "abc", False),
    ("StringNotLike", "a*", "bc", True),
    ("ArnEquals", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a/b", True),
    ("ArnLike", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a/b", True),
    ("ArnLike", "arn:aws:iam::*:user/a", "arn:aws:iam::1:user/a", True),
    ("ArnLike", "arn:aws:*:user/a", "arn:aws:iam::1:user/a", False),
    ("ArnLike", "arn:aws:iam::*:user/a", "arn:aws:iam::1:2:user/a", False),
    ("ArnLike", "arn:aws:sns:*:1:a:*", "arn:aws:sns:eu:1:a:b:c", True),
    ("ArnLike", "arn:aws:iam::1:user/a?", "arn:aws:iam::1:user/ab", True),
    ("ArnLike", "arn:aws:iam::?:user/a?*", "arn:aws:iam::1:user/abc:d", True),
    ("ArnLike", "arn:aws:iam:*:user/a?*", "arn:aws:iam::1:user/abc", False),
    ("ArnLike", "arn:aws:iam?1:x:user/a", "arn:aws:iam::1:x:user/a", False),
    ("ArnLike", "*", "arn:aws:iam::1:user/a", False),
    ("ArnLike", "arn:aws:iam::1:user/a", "user/a", False),
    ("ArnLike", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/A", False),
    ("ArnNotLike", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a", False),
    ("ArnNotEquals", "arn:aws:iam::1:user/*", "not an arn", True),
    ("NumericEquals", "1", "1.0", True),
    ("NumericEquals", "9007199254740993", "9007199254740992", False),
    ("NumericEquals", "0.1", "0.10", True),
    ("NumericEquals", "0", "-0", True),
    ("NumericNotEquals", "1", "2", True),
    ("NumericNotEquals", "1", "one", True),
    ("NumericEquals", "1", "1e0", False),
    ("NumericEquals", "10", "1_0", False),
    ("NumericEquals", "1", "\u0661", False),
    ("NumericEquals", "1", "1\n", False),
    ("NumericEquals", "1", " 1", False),
    ("NumericGreaterThan", "1", "Infinity", False),
    ("NumericNotEquals", "1", "NaN", True),
    ("NumericLessThan", "1", "-inf", False),
    ("NumericGreaterThan", "1", "9" * 65, False),
    ("NumericLessThan", "2", "-3.5", True),
    ("NumericLessThan", "2", "2", False),
    ("NumericLessThanEquals", "2", "2", True),
    ("NumericGreaterThan", "2", "2.0000000000000000000000000000001", True),
    ("NumericGreaterThan", "2", "2", False),
    ("NumericGreaterThanEquals", "2", "2", True),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", True),
    ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", True),
    ("DateEquals", "2026-01-01T00:00Z", "2026-01-01T01:00:00+01:00", True),
    ("DateEquals", "2026-01-01T00:00:00Z", "2025-12-31T18:30:00-05:30", True),
    ("DateEquals", "2026", "2026-01-01", True),
    ("DateEquals", "2026-02", "2026-02-01T00:00:00Z", True),
    ("DateEquals", "1970", "0", True),
    ("DateLessThan", "1970-01-01", "-1", True),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000001Z", True),
    ("DateGreaterThan", "2999-01-01", "1767225600000", True),
    ("DateLessThan", "2999-01-01", "1767225600000", False),
    ("DateLessThanEquals", "2026-01-01", "2026-01-01", True),
    ("DateGreaterThanEquals", "2026-01-01", "2025-12-31", False),
    ("DateGreaterThan", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", True),
    ("DateLessThan", "0001-01-01", "0001-01-01T00:00:00+23:59", True),
    ("DateNotEquals", "2026-01-01", "2026-02-30", True),
    ("DateEquals", "2026-01-01", "\u0662\u0660\u0662\u0666-01-01", False),
    ("DateEquals", "2026-01-01", "2026-01-01\n", False),
    ("Bool", "true", "TRUE", True),
    ("Bool", "False", "false", True),
    ("Bool", "false", "no", False),
    ("Bool", "true", "1", False),
    ("BinaryEquals", "YQ==", "YQ==", True),
    ("BinaryEquals", "YQ==", "YR==", True),
    ("BinaryEquals", "YQ==", "Yg==", False),
    ("BinaryEquals", "YQ==", "YQ", False),
    ("BinaryEquals", "YQ==", "Y\u00e9==", False),
    ("IpAddress", "10.0.0.0/8", "10.255.1.2", True),
    ("IpAddress", "10.9.9.9/8", "10.1.1.1", True),
    ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
    ("IpAddress", "10.0.0.1", "10.0.0.1", True),
    ("IpAddress", "10.0.0.1", "10.0.0.2", False),
    ("IpAddress", "10.0.0.0/31", "10.0.0.1", True),
    ("IpAddress", "0.0.0.0/0", "255.1.2.3", True),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("IpAddress", "::/0", "2001:db8::1", True),
    ("IpAddress", "::/0", "10.0.0.1", False),
    ("IpAddress", "2001:db8::/32", "2001:DB8:0::1", True),
    ("IpAddress", "2001:db8::1", "2001:db8::2", False),
    ("IpAddress", "10.0.0.0/8", "::ffff:10.0.0.1", False),
    ("IpAddress", "::ffff:0:0/96", "::ffff:10.0.0.1", True),
    ("IpAddress", "10.0.0.0/8", "10.0.0.0/8", False),
    ("IpAddress", "10.0.0.0/8", "010.0.0.1", False),
    ("IpAddress", "10.0.0.0/8", "10.1", False),
    ("IpAddress", "fe80::/10", "fe80::1%eth0", False),
    ("IpAddress", "10.0.0.0/8", "\u0661\u0660.0.0.1", False),
    ("IpAddress", "10.0.0.0/8", "10.0.0.1\n", False),
    ("NotIpAddress", "10.0.0.0/8", "2001:db8::1", True),
    ("NotIpAddress", "10.0.0.0/8", "10.0.0.1", False),
    ("NotIpAddress", "10.0.0.0/8", "nowhere", True),
]


@pytest.mark.parametrize(("operator", "wanted", "seen", "holds"), TABLE)
def test_a_comparison_says_what_the_documentation_says(operator: str, wanted: str, seen: str, holds: bool) -> None:  # noqa: FBT001  a column
    assert condition_holds(operator, "a:k", wanted, {"a:k": (seen,)}) is holds


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        *[
            ("NumericEquals", text)
            for text in ("", "1e5", "1_0", "+1", ".5", "5.", "NaN", "-inf", "\u0661", "1\n", "1 ")
        ],
        *[("DateEquals", text) for text in ("", "2026-02-30", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01")],
        *[("DateEquals", text) for text in ("2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z")],
        *[("DateEquals", text) for text in ("2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00Z")],
        *[
            ("DateEquals", text)
            for text in ("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "20260101T000000Z")
        ],
        *[
            ("DateEquals", text)
            for text in ("2026-1-1", "1e9", "1.5", "9" * 19, "2026-01-01T00:00:00z", "2026-01-01\n")
        ],
        *[("Bool", text) for text in ("", "yes", "1", "t", "true\n")],
        *[("BinaryEquals", text) for text in ("YQ", "Y", "Y Q=", "Y-_=", "\u00e9")],
        *[("IpAddress", text) for text in ("", "10.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "::/129")],
        *[("IpAddress", text) for text in ("10.0.0.0/", "10.0.0.0/-1", "010.0.0.1", "fe80::1%eth0", "10.0.0.1\n", "*")],
        *[("Null", text) for text in ("", "0", "null")],
    ],
)
def test_a_value_that_is_not_of_the_kind_is_refused_when_stored(operator: str, wanted: str) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        parse(statement(Condition={operator: {"a:k": wanted}}))
    assert refused.value.place.startswith(f"Statement[0].Condition.{operator}.a:k")


def test_condition_keys_ignore_case_but_not_the_kelvin_sign() -> None:
    assert condition_holds("StringEquals", "AWS:PrincipalTag/Team", "x", {"aws:principaltag/team": ("x",)})
    assert not condition_holds("StringEquals", "aws:PrincipalTag/k", "x", {"aws:PrincipalTag/\u212a": ("x",)})


def test_a_request_without_mfa_is_denied_by_bool_if_exists_and_not_by_bool() -> None:
    key = "aws:MultiFactorAuthPresent"
    strict = statement("Deny", Condition={"BoolIfExists": {key: "false"}})
    loose = statement("Deny", Condition={"Bool": {key: "false"}})
    assert decide(statement(), strict) is Outcome.EXPLICIT_DENY
    assert decide(statement(), loose) is Outcome.ALLOWED
    assert decide(statement(), strict, context={key: ("true",)}) is Outcome.ALLOWED
    assert decide(statement(), loose, context={key: ("false",)}) is Outcome.EXPLICIT_DENY
