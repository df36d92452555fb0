"""OpenID Connect providers through unmodified boto3."""

from typing import Any

from tests.aws.clients import make_user, refused
from tests.service import Service, Tenant, allow

HOST = "idp.example:8443/realms/main"
PINS = ["a" * 40, "B" * 40]
BLUE, COST = {"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "7"}


def create(iam: Any, **more: Any) -> dict[str, str]:
    """Register a provider and return what it is named by."""
    made = iam.create_open_id_connect_provider(Url=f"https://{HOST}", **more)
    return {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}


def test_a_provider_is_registered_read_listed_and_deleted(iam: Any, resident: Tenant) -> None:
    named = create(iam, ClientIDList=["one", "two"], ThumbprintList=PINS, Tags=[COST, BLUE])
    assert named == {"OpenIDConnectProviderArn": f"arn:aws:iam::{resident.account_id}:oidc-provider/{HOST}"}
    read = iam.get_open_id_connect_provider(**named)
    assert (read["Url"], read["ClientIDList"], read["ThumbprintList"]) == (HOST, ["one", "two"], PINS)
    assert read["Tags"] == [COST, BLUE]
    assert read["CreateDate"].tzinfo is not None
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert listed == [{"Arn": named["OpenIDConnectProviderArn"]}]
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    for _ in range(2):  # the second finds none, and that is no fault
        iam.delete_open_id_connect_provider(**named)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    with refused("NoSuchEntity", 404, "OpenIDConnect Provider not found for arn"):
        iam.get_open_id_connect_provider(**named)


def test_client_ids_and_thumbprints_are_changed(iam: Any) -> None:
    named = create(iam)
    bare = iam.get_open_id_connect_provider(**named)
    assert (bare["ClientIDList"], bare["ThumbprintList"], "Tags" in bare) == ([], [], False)
    for client_id in ("one", "two", "two"):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID=client_id)
    for client_id in ("one", "none"):
        iam.remove_client_id_from_open_id_connect_provider(**named, ClientID=client_id)
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=PINS)
    read = iam.get_open_id_connect_provider(**named)
    assert (read["ClientIDList"], read["ThumbprintList"]) == (["two"], PINS)


def test_a_client_id_may_stand_at_two_providers(iam: Any) -> None:
    create(iam, ClientIDList=["shared"])
    other = iam.create_open_id_connect_provider(Url="https://other.example", ClientIDList=["shared"])
    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=other["OpenIDConnectProviderArn"])
    assert read["ClientIDList"] == ["shared"]


def test_tags_are_put_listed_and_removed_and_policies_speak_of_them(iam: Any, server: Service) -> None:
    named = create(iam)
    iam.tag_open_id_connect_provider(**named, Tags=[COST, BLUE])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [COST, BLUE]
    rights = allow("iam:Get*").replace(
        '"Resource"', '"Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}},"Resource"'
    )
    caller = server.boto("iam", make_user(iam, "caller", rights))
    assert caller.get_open_id_connect_provider(**named)["Url"] == HOST
    iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [COST]
    with refused("AccessDenied", 403):
        caller.get_open_id_connect_provider(**named)


def test_who_may_create_but_not_tag_creates_without_tags_only(iam: Any, server: Service) -> None:
    caller = server.boto("iam", make_user(iam, "caller", allow("iam:Create*")))
    with refused("AccessDenied", 403, "iam:TagOpenIDConnectProvider"):
        create(caller, Tags=[BLUE])
    create(caller)


def test_bad_input_is_told_what_is_wrong(iam: Any) -> None:
    named = create(iam)
    with refused("EntityAlreadyExists", 409, f"Provider with url https://{HOST} already exists"):
        create(iam)
    for url in ("http://idp.example", "https://idp.example?a=b", "https://me@idp.example", "https://IDP.example"):
        with refused("InvalidInput", 400, "Invalid Open ID Connect Provider URL"):
            iam.create_open_id_connect_provider(Url=url)
    with refused("LimitExceeded", 409, "ClientIdsPerOpenIdConnectProvider: 100"):
        iam.create_open_id_connect_provider(Url="https://a.example", ClientIDList=[str(n) for n in range(101)])
    with refused("InvalidInput", 400, "at most 5"):
        iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=[f"{n:040}" for n in range(6)])
    for arn in ("arn:aws:iam::123456789012:role/x", "not an arn of any kind"):
        for ask in (iam.get_open_id_connect_provider, iam.delete_open_id_connect_provider):
            with refused("InvalidInput", 400, "Invalid ARN"):
                ask(OpenIDConnectProviderArn=arn)


def test_z_07_a_provider_of_another_account_is_as_one_that_is_not_there(iam: Any, server: Service) -> None:
    named = create(iam, ClientIDList=["one"])
    stranger = server.boto("iam", server.tenant().key)
    with refused("NoSuchEntity", 404):
        stranger.get_open_id_connect_provider(**named)
    with refused("NoSuchEntity", 404):
        stranger.add_client_id_to_open_id_connect_provider(**named, ClientID="mine")
    stranger.delete_open_id_connect_provider(**named)
    assert iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["one"]
