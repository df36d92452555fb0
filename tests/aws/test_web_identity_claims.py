"""Session tags and the source identity that come as claims of a token."""

import json
from hashlib import sha512
from typing import Any

import pytest

from tests.federation import ISSUER, Conditions, Realm, denied, refused, register
from tests.service import Reply, Service, Tenant

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"


@pytest.fixture
def realm(service: Service, tenant: Tenant) -> Realm:
    return register(service, tenant, ISSUER)


def nested(*transitive: str, **tags: Any) -> dict[str, Any]:
    """Return the claim that holds all tags."""
    return {TAGS: {"principal_tags": tags} | ({"transitive_tag_keys": transitive} if transitive else {})}


def flat(*transitive: str, **tags: Any) -> dict[str, Any]:
    """Return a claim for each tag."""
    keys = {f"{TAGS}/transitive_tag_keys": transitive} if transitive else {}
    return {f"{TAGS}/principal_tags/{key}": value for key, value in tags.items()} | keys


def _may(condition: dict[str, Any]) -> str:
    statement = {"Effect": "Allow", "Action": ["iam:ListUsers", "sts:*"], "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


BLUE = _may({"StringEquals": {"aws:PrincipalTag/team": "blue"}})


def _tagging(realm: Realm, name: str = "worker", may: str = BLUE) -> str:
    return realm.make_role(name, realm.trusts("sts:TagSession", "sts:SetSourceIdentity"), may=may)


def _sees(realm: Realm, reply: Reply) -> bool:
    assert reply.status == 200, reply.body
    return realm.service.call(reply.key(), "ListUsers").status == 200


@pytest.mark.parametrize(
    "claims",
    [
        nested(team=["blue"]),
        nested(team="blue"),
        nested("team", team=["blue"], shift=["night"]),
        flat(team="blue"),
        flat(team=["blue"]),
        flat("team", team="blue"),
        nested(shift=["night"]) | flat(team="blue"),
    ],
)
def test_tags_of_a_token_are_the_session_s(realm: Realm, claims: dict[str, Any]) -> None:
    arn = _tagging(realm)
    reply = realm.assume(arn, token=realm.token(**claims))
    assert _sees(realm, reply)
    assert 0 < int(reply.text("PackedPolicySize")) < 100
    assert not _sees(realm, realm.assume(arn, token=realm.token()))


@pytest.mark.parametrize("write", [nested, flat])
def test_transitive_tags_of_a_token_go_on_along_the_chain(realm: Realm, write: Any) -> None:
    root = {"AWS": f"arn:aws:iam::{realm.tenant.account_id}:root"}
    last = realm.make_role("last", realm.trusts("sts:AssumeRole", "sts:TagSession", whom=root), may=BLUE)
    for transitive, goes_on in ((("TEAM",), True), ((), False)):
        first = realm.assume(_tagging(realm, f"first-{goes_on}"), token=realm.token(**write(*transitive, team="blue")))
        assert _sees(realm, realm.service.assume(first.key(), last)) is goes_on


@pytest.mark.parametrize("claims", [nested(team=["blue"]), flat(team="blue"), {SOURCE_IDENTITY: "ann"}])
def test_the_trust_policy_must_allow_what_the_claims_bring(realm: Realm, claims: dict[str, Any]) -> None:
    action = "sts:SetSourceIdentity" if SOURCE_IDENTITY in claims else "sts:TagSession"
    denied(realm.assume(realm.make_role("plain"), token=realm.token(**claims)), f"Not authorized to perform {action}")
    wanted = realm.trusts(condition={"StringEquals": {"aws:RequestTag/team": "red", "sts:SourceIdentity": "red"}})
    red = realm.make_role("red", realm.trusts(), {**wanted, "Action": action})
    denied(realm.assume(red, token=realm.token(**claims)), f"Not authorized to perform {action}")


def test_the_trust_policy_asks_which_tags_a_token_brings(realm: Realm) -> None:
    asked: Conditions = {
        "StringEquals": {"aws:RequestTag/team": "blue"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "shift"], "sts:TransitiveTagKeys": ["team"]},
    }
    arn = realm.make_role("worker", realm.trusts("sts:TagSession", condition=asked))
    assert realm.assume(arn, token=realm.token(**nested("team", team=["blue"], shift=["x"]))).status == 200
    denied(realm.assume(arn, token=realm.token(**nested(team=["red"]))))
    denied(realm.assume(arn, token=realm.token(**nested("shift", team=["blue"], shift=["x"]))))
    denied(realm.assume(arn, token=realm.token(**nested(team=["blue"], rank=["x"]))))


def test_a_token_sets_the_source_identity_once_for_the_whole_chain(realm: Realm, service: Service) -> None:
    asked = {"StringEquals": {"sts:SourceIdentity": "ann"}}
    arn = realm.make_role("worker", realm.trusts("sts:SetSourceIdentity", condition=asked))
    begun = realm.assume(arn, token=realm.token(**{SOURCE_IDENTITY: "ann"}))
    assert begun.text("SourceIdentity") == "ann"
    denied(realm.assume(arn, token=realm.token(**{SOURCE_IDENTITY: "bob"})))
    root = {"AWS": f"arn:aws:iam::{realm.tenant.account_id}:root"}
    seen = _may({"StringEquals": {"aws:SourceIdentity": "ann"}})
    last = realm.make_role("last", realm.trusts("sts:AssumeRole", "sts:SetSourceIdentity", whom=root), may=seen)
    assert _sees(realm, service.assume(begun.key(), last))
    refused(service.assume(begun.key(), last, SourceIdentity="bob"), "ValidationError", saying="already set")


_NOISE = {f"key-{n}": sha512(bytes([n])).hexdigest() for n in range(40)}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "tags that are no object": ({TAGS: "team"}, "InvalidIdentityToken"),
    "tags in a list": ({TAGS: [{"principal_tags": {}}]}, "InvalidIdentityToken"),
    "principal tags that are no object": ({TAGS: {"principal_tags": ["team"]}}, "InvalidIdentityToken"),
    "a tag with two values": (nested(team=["a", "b"]), "InvalidIdentityToken"),
    "a tag without value": (nested(team=[]), "InvalidIdentityToken"),
    "a number as value": (nested(team=7), "InvalidIdentityToken"),
    "a null as value": (flat(team=None), "InvalidIdentityToken"),
    "a structure as value": (flat(team={"a": "b"}), "InvalidIdentityToken"),
    "a number as transitive key": (nested(7, team="a"), "InvalidIdentityToken"),  # type: ignore[arg-type]
    "a long key": (nested(**{"k" * 129: "a"}), "InvalidIdentityToken"),
    "a long value": (nested(team="a" * 257), "InvalidIdentityToken"),
    "an empty key": ({f"{TAGS}/principal_tags/": "a"}, "InvalidIdentityToken"),
    "a key of other characters": (nested(**{"a?b": "c"}), "InvalidIdentityToken"),
    "fifty-one tags": (nested(**{f"k{n}": "" for n in range(51)}), "InvalidIdentityToken"),
    "a repeated key": (nested(team="a", Team="b"), "InvalidParameterValue"),
    "a key in both forms": (nested(team="a") | flat(team="a"), "InvalidParameterValue"),
    "a transitive key without its tag": (nested("shift", team="a"), "InvalidParameterValue"),
    "a reserved key": (nested(**{"aws:team": "a"}), "InvalidParameterValue"),
    "a source identity that is no text": ({SOURCE_IDENTITY: ["ann"]}, "InvalidIdentityToken"),
    "a source identity of other characters": ({SOURCE_IDENTITY: "a b"}, "InvalidIdentityToken"),
    "a source identity of one character": ({SOURCE_IDENTITY: "a"}, "InvalidIdentityToken"),
    "a source identity of aws": ({SOURCE_IDENTITY: "aws:ann"}, "InvalidIdentityToken"),
    "tags that do not fit": (nested(**_NOISE), "PackedPolicyTooLarge"),
}


@pytest.mark.parametrize(("claims", "code"), FAULTS.values(), ids=FAULTS)
def test_claims_that_are_no_tags_and_no_source_identity_refuse_the_token(
    realm: Realm, claims: dict[str, Any], code: str
) -> None:
    refused(realm.assume(_tagging(realm), token=realm.token(**claims)), code)
