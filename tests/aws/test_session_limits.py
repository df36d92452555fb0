"""Each quota and name rule of what a session is given, at its edge: the last that is taken, the first that is not."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.aws.test_session_tags import TAGGING, document, make_role, statement, tags
from tests.service import Reply, Service, Tenant

Call: TypeAlias = Callable[[Service, Tenant, dict[str, str]], Reply]
Parameters: TypeAlias = dict[str, str]


def assume(service: Service, tenant: Tenant, parameters: Parameters) -> Reply:
    arn = f"arn:aws:iam::{tenant.account_id}:role/worker"
    if service.call(tenant.key, "GetRole", RoleName="worker").status != 200:
        make_role(service, tenant, "worker")
    return service.call(tenant.key, "AssumeRole", "sts", **{"RoleArn": arn, "RoleSessionName": "one", **parameters})


def federate(service: Service, tenant: Tenant, parameters: Parameters) -> Reply:
    return service.call(tenant.key, "GetFederationToken", "sts", **{"Name": "guest", **parameters})


def numbered(count: int, *, transitive: int = 0) -> Parameters:
    """Return the parameters that pass so many tags, and so many keys as transitive ones."""
    keys = [f"k{number}" for number in range(max(count, transitive))]
    return tags(*((key, "") for key in keys[:count]), transitive=tuple(keys[:transitive]))


# What is asked for, how it is taken, and the constraint that the refusal names.
TAG_EDGES: dict[str, tuple[Parameters, str | None]] = {
    "50 tags": (numbered(50), None),
    "51 tags": (numbered(51), "less than or equal to 50"),
    "a key of 1": (tags(("k", "")), None),
    "a key of none": (tags(("", "")), "greater than or equal to 1"),
    "a key of 128": (tags(("k" * 128, "")), None),
    "a key of 129": (tags(("k" * 129, "")), "less than or equal to 128"),
    "a key of 128 of two bytes": (tags(("\u044f" * 128, "")), None),
    "a key of 129 of two bytes": (tags(("\u044f" * 129, "")), "less than or equal to 128"),
    "a key of 128 of four bytes": (tags(("\U00020bb7" * 128, "")), None),
    "a value of none": (tags(("k", "")), None),
    "a value of 256": (tags(("k", "v" * 256)), None),
    "a value of 257": (tags(("k", "v" * 257)), "less than or equal to 256"),
    "a value of 256 of three bytes": (tags(("k", "\u6f22" * 256)), None),
    "a value of 257 of three bytes": (tags(("k", "\u6f22" * 257)), "less than or equal to 256"),
    "aws: behind something": (tags(("x:aws:y", "aws:z")), None),
}
REFUSED_TAGS: dict[str, Parameters] = {
    "a reserved key": tags(("aws:x", "")),
    "a reserved key in capitals": tags(("aWs:x", "")),
    "one key in two cases": tags(("team", "a"), ("TEAM", "a")),
    "one key in two cases of another alphabet": tags(("команда", "a"), ("КОМАНДА", "a")),
}
CALLS = pytest.mark.parametrize("call", [assume, federate])


def require(reply: Reply, constraint: str | None) -> None:
    if constraint is None:
        assert reply.status == 200, reply.body
        return
    assert (reply.status, reply.code) == (400, "ValidationError"), reply.body
    assert constraint in reply.message


@CALLS
@pytest.mark.parametrize("edge", TAG_EDGES)
def test_tags_are_taken_up_to_their_quotas(server: Service, resident: Tenant, call: Call, edge: str) -> None:
    parameters, constraint = TAG_EDGES[edge]
    require(call(server, resident, parameters), constraint)


@CALLS
@pytest.mark.parametrize("fault", REFUSED_TAGS)
def test_keys_that_are_reserved_or_the_same_are_refused(
    server: Service, resident: Tenant, call: Call, fault: str
) -> None:
    reply = call(server, resident, REFUSED_TAGS[fault])
    assert (reply.status, reply.code) == (400, "InvalidParameterValue"), reply.body


# Letters, blanks and numbers of any alphabet, and a few signs (the pattern of tagKeyType): beside each what is none.
TAKEN = ["aZ", "Жя", "漢字", "عربى", "ß", "\u0661\u00bd\u2160", "a b", "\u00a0\u3000\u2028", "_.:/=+-@"]
NOT_TAKEN = ["a,b", "a&b", "a%b", "a*b", "$a", "a\\b", "a\tb", "a\nb", "e\u0301", "\u200b", "\U0001f642", "\ue000"]


@CALLS
@pytest.mark.parametrize("text", TAKEN)
def test_letters_blanks_and_numbers_of_every_alphabet_are_taken(
    server: Service, resident: Tenant, call: Call, text: str
) -> None:
    assert call(server, resident, tags((text, text))).status == 200


@CALLS
@pytest.mark.parametrize("text", NOT_TAKEN, ids=ascii)
def test_other_signs_are_refused_in_key_and_value(server: Service, resident: Tenant, call: Call, text: str) -> None:
    for pair in ((text, "v"), ("k", text)):
        require(call(server, resident, tags(pair)), "regular expression pattern")


NAME_EDGES: dict[str, tuple[Call, Parameters, str | None]] = {
    "fifty transitive keys": (assume, numbered(50, transitive=50), None),
    "fifty-one transitive keys": (assume, numbered(50, transitive=51), "less than or equal to 50"),
    "a transitive key of 129": (assume, tags(transitive=("k" * 129,)), "less than or equal to 128"),
    "a session name of 2": (assume, {"RoleSessionName": "ab"}, None),
    "a session name of 64": (assume, {"RoleSessionName": "s" * 64}, None),
    "a session name of 65": (assume, {"RoleSessionName": "s" * 65}, "less than or equal to 64"),
    "a source identity of 1": (assume, {"SourceIdentity": "a"}, "greater than or equal to 2"),
    "a source identity of 2": (assume, {"SourceIdentity": "ab"}, None),
    "a source identity of 64": (assume, {"SourceIdentity": "s" * 64}, None),
    "a source identity of 65": (assume, {"SourceIdentity": "s" * 65}, "less than or equal to 64"),
    "a source identity of all signs": (assume, {"SourceIdentity": "_+=,.@-9Z"}, None),
    "a source identity with a colon": (assume, {"SourceIdentity": "aws:x"}, "regular expression pattern"),
    "a source identity of another alphabet": (assume, {"SourceIdentity": "алиса"}, "regular expression pattern"),
    "a source identity with a line's end": (assume, {"SourceIdentity": "alice\n"}, "regular expression pattern"),
    "a federated name of 1": (federate, {"Name": "a"}, "greater than or equal to 2"),
    "a federated name of 2": (federate, {"Name": "ab"}, None),
    "a federated name of 32": (federate, {"Name": "n" * 32}, None),
    "a federated name of 33": (federate, {"Name": "n" * 33}, "less than or equal to 32"),
    "a federated name of another alphabet": (federate, {"Name": "алиса"}, "regular expression pattern"),
    "a federated name with a slash": (federate, {"Name": "a/b"}, "regular expression pattern"),
}


@pytest.mark.parametrize("edge", NAME_EDGES)
def test_names_are_taken_up_to_their_rules(server: Service, resident: Tenant, edge: str) -> None:
    call, parameters, constraint = NAME_EDGES[edge]
    require(call(server, resident, parameters), constraint)


@CALLS
def test_tags_that_do_not_fit_into_a_token_are_refused(server: Service, resident: Tenant, call: Call) -> None:
    """None breaks a rule of its own; all together are too much noise."""
    noise = [(f"k{n}", "".join(chr(0x4E00 + (n * 977 + c * 7919) % 20_000) for c in range(24))) for n in range(50)]
    fitting = next(n for n in range(50, 0, -1) if call(server, resident, tags(*noise[:n])).status == 200)
    assert 90 < int(call(server, resident, tags(*noise[:fitting])).text("PackedPolicySize")) <= 100
    refused = call(server, resident, tags(*noise[: fitting + 1]))
    assert (refused.status, refused.code) == (400, "PackedPolicyTooLarge")


def test_a_session_s_tags_and_names_are_read_back_by_policies_to_the_letter(server: Service, resident: Tenant) -> None:
    """What is as long as it may be is whole in the session: nothing is cut on the way."""
    value = "\u6f22" * 255 + "\u5b57"
    only = {"StringEquals": {f"aws:PrincipalTag/{'k' * 128}": value, "aws:SourceIdentity": "s" * 64}}
    policy = document(statement("iam:ListUsers", only, Resource="*"))
    arn = make_role(server, resident, "reader", trusts=[statement(TAGGING)], may=policy)

    def read(value: str) -> int:
        begun = server.assume(resident.key, arn, **tags(("k" * 128, value)), SourceIdentity="s" * 64)
        return server.call(begun.key(), "ListUsers").status

    assert [read(value), read(value[:-1])] == [200, 403]


def test_keys_that_differ_outside_ascii_are_two_and_policies_see_each(server: Service, resident: Tenant) -> None:
    """To fold as `str.casefold` does would make two letters of ASCII of the `ß`, and of the two keys one."""
    small, large = "größe", "GRÖSSE"
    may = document(
        statement("iam:ListUsers", {"StringEquals": {f"aws:PrincipalTag/{small}": "one"}}, Resource="*"),
        statement("iam:ListRoles", {"StringEquals": {f"aws:PrincipalTag/{large}": "two"}}, Resource="*"),
    )
    arn = make_role(server, resident, "sized", trusts=[statement(TAGGING)], may=may)

    def read(*pairs: tuple[str, str]) -> list[int]:
        begun = server.assume(resident.key, arn, **tags(*pairs))
        return [server.call(begun.key(), action).status for action in ("ListUsers", "ListRoles")]

    assert read((small, "one"), (large, "two")) == [200, 200]
    assert read((small, "two"), (large, "one")) == [403, 403]
    assert [read((small, "one")), read((large, "two"))] == [[200, 403], [403, 200]]
    both = federate(server, resident, tags((small, "one"), (large, "two")))
    assert both.status == 200, both.body
