from typing import Any

import pytest

from sts.errors import NotFound
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, SERVICE_TRUST
from tests.directory.store import ACCOUNT_ID, Store

BLUE, COST = {"Key": "Team", "Value": "blue"}, {"Key": "cost", "Value": "7"}
OWN = f"arn:aws:iam::{ACCOUNT_ID}"
CREATE: dict[str, dict[str, Any]] = {
    "User": {"UserName": "n", "Path": "/p/"},
    "Role": {"RoleName": "n", "Path": "/p/", "AssumeRolePolicyDocument": SERVICE_TRUST},
    "Policy": {"PolicyName": "n", "Path": "/p/", "PolicyDocument": ALLOW},
}
NAMED: dict[str, dict[str, Any]] = {
    "User": {"UserName": "n"},
    "Role": {"RoleName": "n"},
    "Policy": {"PolicyArn": f"{OWN}:policy/p/n"},
}
PLAIN = {"aws:resourcetag/team": ("blue",), "aws:resourcetag/cost": ("7",)}
PRINCIPAL = PLAIN | {"iam:resourcetag/team": ("blue",), "iam:resourcetag/cost": ("7",)}
BORNE = {"User": PRINCIPAL, "Role": PRINCIPAL, "Policy": PLAIN}
EVERY_NOUN = pytest.mark.parametrize("noun", NAMED)


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


@EVERY_NOUN
def test_tags_of_a_create_call_are_kept_and_told_but_in_no_list(desk: RootDesk, noun: str) -> None:
    made = desk.ask(f"Create{noun}", **CREATE[noun], Tags=[COST, BLUE])[noun]
    assert made["Tags"] == [COST, BLUE]
    assert desk.ask(f"Get{noun}", **NAMED[noun])[noun]["Tags"] == [BLUE, COST]
    plural = "Policies" if noun == "Policy" else f"{noun}s"
    (listed,) = desk.ask(f"List{plural}", PathPrefix="/p/")[plural]
    assert "Tags" not in listed


@EVERY_NOUN
def test_what_has_no_tags_has_no_such_member(desk: RootDesk, noun: str) -> None:
    assert "Tags" not in desk.ask(f"Create{noun}", **CREATE[noun])[noun]
    assert "Tags" not in desk.ask(f"Get{noun}", **NAMED[noun])[noun]
    assert desk.ask(f"List{noun}Tags", **NAMED[noun]) == {"Tags": [], "IsTruncated": False}


@EVERY_NOUN
def test_tags_are_put_listed_by_key_in_pages_and_removed(desk: RootDesk, noun: str) -> None:
    desk.ask(f"Create{noun}", **CREATE[noun])
    assert desk.ask(f"Tag{noun}", **NAMED[noun], Tags=[COST, BLUE]) == {}
    first = desk.ask(f"List{noun}Tags", **NAMED[noun], MaxItems=1)
    assert (first["Tags"], first["IsTruncated"]) == ([BLUE], True)
    rest = desk.ask(f"List{noun}Tags", **NAMED[noun], MaxItems=1, Marker=first["Marker"])
    assert rest == {"Tags": [COST], "IsTruncated": False}
    assert desk.ask(f"Untag{noun}", **NAMED[noun], TagKeys=["Team", "unknown"]) == {}
    assert desk.ask(f"List{noun}Tags", **NAMED[noun])["Tags"] == [COST]


@EVERY_NOUN
def test_creating_with_tags_demands_to_tag_as_well_and_says_which_tags(desk: RootDesk, noun: str) -> None:
    demands = desk.demands(f"Create{noun}", **CREATE[noun], Tags=[BLUE, COST])
    assert [each.action for each in demands] == [f"iam:Create{noun}", f"iam:Tag{noun}"]
    assert {each.resource for each in demands} == {f"{OWN}:{noun.lower()}/p/n"}
    asked = {"aws:requesttag/team": ("blue",), "aws:requesttag/cost": ("7",), "aws:tagkeys": ("Team", "cost")}
    assert [each.context for each in demands] == [asked, asked]
    assert desk.demand(f"Create{noun}", **CREATE[noun]).context == {}


@EVERY_NOUN
def test_tagging_says_which_tags_and_which_are_there(desk: RootDesk, noun: str) -> None:
    desk.ask(f"Create{noun}", **CREATE[noun], Tags=[BLUE, COST])
    tagging = desk.demand(f"Tag{noun}", **NAMED[noun], Tags=[{"Key": "team", "Value": "red"}])
    assert tagging.action == f"iam:Tag{noun}"
    assert tagging.context == BORNE[noun] | {"aws:requesttag/team": ("red",), "aws:tagkeys": ("team",)}
    untagging = desk.demand(f"Untag{noun}", **NAMED[noun], TagKeys=["Team", "cost"])
    assert untagging.action == f"iam:Untag{noun}"
    assert untagging.context == BORNE[noun] | {"aws:tagkeys": ("Team", "cost")}


@EVERY_NOUN
@pytest.mark.parametrize("operation", ["Get{}", "Delete{}", "List{}Tags"])
def test_every_operation_on_it_says_what_tags_it_bears(desk: RootDesk, noun: str, operation: str) -> None:
    desk.ask(f"Create{noun}", **CREATE[noun], Tags=[BLUE, COST])
    assert desk.demand(operation.format(noun), **NAMED[noun]).context == BORNE[noun]


def test_both_sides_of_a_rename_bear_the_tags(desk: RootDesk) -> None:
    desk.ask("CreateUser", **CREATE["User"], Tags=[BLUE, COST])
    demands = desk.demands("UpdateUser", UserName="n", NewUserName="m")
    assert [each.context for each in demands] == [PRINCIPAL, PRINCIPAL]


@EVERY_NOUN
@pytest.mark.parametrize("operation", ["Tag{}", "Untag{}", "List{}Tags"])
def test_what_does_not_exist_bears_no_tags_and_is_not_found(desk: RootDesk, noun: str, operation: str) -> None:
    with pytest.raises(NotFound):
        desk.ask(operation.format(noun), **NAMED[noun], Tags=[BLUE], TagKeys=["Team"])


@EVERY_NOUN
def test_tags_of_another_account_are_out_of_reach(desk: RootDesk, noun: str) -> None:
    desk.ask(f"Create{noun}", **CREATE[noun], Tags=[BLUE])
    target = desk.abroad().target(f"List{noun}Tags", **NAMED[noun])
    assert (target.noun, target.tags) == (None, {})


def test_the_service_s_policies_have_no_tags_and_nobody_tags_them(desk: RootDesk) -> None:
    named = {"PolicyArn": "arn:aws:iam::aws:policy/IAMFullAccess"}
    assert desk.ask("ListPolicyTags", **named)["Tags"] == []
    assert desk.demand("TagPolicy", **named, Tags=[BLUE]).resource_account_id == "aws"
