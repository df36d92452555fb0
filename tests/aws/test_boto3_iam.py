"""IAM through unmodified boto3: every operation that is offered, each noun from its making to its end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sts.aws.catalogue import NOT_OFFERED
from sts.aws.operations import Operations
from tests.aws.clients import make_key, make_user, refused, unchecked
from tests.service import Service, Tenant, allow, trust

USERS = allow("iam:ListUsers")
GROUPS = allow("iam:ListGroups")


@pytest.fixture
def called(iam: Any) -> Iterator[set[str]]:
    """Collect the operations that the client sends."""
    names: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        names.add(model.name)

    iam.meta.events.register("before-call.iam", note)
    yield names
    iam.meta.events.unregister("before-call.iam", note)


def test_boto3_lives_through_every_operation_that_is_offered(
    iam: Any, resident: Tenant, called: set[str], table: Operations
) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    live_as_user(iam, own)
    live_as_key(iam)
    live_as_group(iam, own)
    live_as_role(iam, own)
    live_as_service_linked_role(iam, own)
    live_as_policy(iam, own)
    for noun in ("User", "Group", "Role"):
        bear_policies(iam, own, noun)
    live_with_tags(iam, own)
    live_within_boundaries(iam, own)
    end_as_tools_do(iam)
    take_stock_as_tools_do(iam)
    live_as_instance_profile(iam, own)
    live_as_provider(iam, own)
    live_as_issuer(iam)
    live_as_account(iam, resident.account_id)
    live_with_a_password(iam)
    offered = {each.row.name for each in table.offered.values() if each.row.service == "iam"}
    # Devices need their own codes: test_mfa_devices.py.
    assert called == {name for name in offered if "MFADevice" not in name}


def live_as_user(iam: Any, own: str) -> None:
    made = iam.create_user(UserName="ann", Path="/staff/")["User"]
    assert (made["Arn"], made["Path"], made["UserName"]) == (f"{own}:user/staff/ann", "/staff/", "ann")
    assert made["UserId"].startswith("AIDA")
    iam.get_waiter("user_exists").wait(UserName="ann")
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/board/")
    assert iam.get_user(UserName="anna")["User"] == made | {
        "UserName": "anna", "Path": "/board/", "Arn": f"{own}:user/board/anna"
    }  # fmt: skip
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/board/")["Users"]] == ["anna"]
    iam.delete_user(UserName="anna")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="anna")


def live_as_key(iam: Any) -> None:
    iam.create_user(UserName="kay")
    key_id = make_key(iam, "kay").access_key_id
    iam.update_access_key(UserName="kay", AccessKeyId=key_id, Status="Inactive")
    (listed,) = iam.list_access_keys(UserName="kay")["AccessKeyMetadata"]
    assert (listed["AccessKeyId"], listed["Status"], listed["UserName"]) == (key_id, "Inactive", "kay")
    used = iam.get_access_key_last_used(AccessKeyId=key_id)
    assert (used["UserName"], used["AccessKeyLastUsed"]) == ("kay", {"ServiceName": "N/A", "Region": "N/A"})
    iam.delete_access_key(UserName="kay", AccessKeyId=key_id)
    assert iam.list_access_keys(UserName="kay")["AccessKeyMetadata"] == []


def live_as_group(iam: Any, own: str) -> None:
    made = iam.create_group(GroupName="crew", Path="/ship/")["Group"]
    assert made["Arn"] == f"{own}:group/ship/crew"
    iam.create_user(UserName="gil")
    iam.add_user_to_group(GroupName="crew", UserName="gil")
    answer = iam.get_group(GroupName="crew")
    assert answer["Group"] == made
    assert [user["UserName"] for user in answer["Users"]] == ["gil"]
    assert answer["IsTruncated"] is False
    assert iam.list_groups_for_user(UserName="gil")["Groups"] == [made]
    iam.update_group(GroupName="crew", NewGroupName="crew", NewPath="/")
    assert [group["Arn"] for group in iam.list_groups()["Groups"]] == [f"{own}:group/crew"]
    with refused("DeleteConflict", 409):
        iam.delete_group(GroupName="crew")
    iam.remove_user_from_group(GroupName="crew", UserName="gil")
    iam.delete_group(GroupName="crew")
    assert iam.list_groups()["Groups"] == []


def live_as_role(iam: Any, own: str) -> None:
    everyone = trust(f"{own}:root")
    made = iam.create_role(RoleName="cook", AssumeRolePolicyDocument=everyone, Description="naïve")["Role"]
    assert made["AssumeRolePolicyDocument"] == json.loads(everyone)
    assert (made["Arn"], made["MaxSessionDuration"]) == (f"{own}:role/cook", 3600)
    iam.get_waiter("role_exists").wait(RoleName="cook")
    iam.update_role(RoleName="cook", MaxSessionDuration=7200)
    assert iam.get_role(RoleName="cook")["Role"]["Description"] == "naïve"
    described = iam.update_role_description(RoleName="cook", Description="cooks")["Role"]
    assert (described["Description"], described["MaxSessionDuration"]) == ("cooks", 7200)
    only = trust(f"{own}:user/admin")
    iam.update_assume_role_policy(RoleName="cook", PolicyDocument=only)
    (listed,) = iam.list_roles()["Roles"]
    assert listed["AssumeRolePolicyDocument"] == json.loads(only)
    iam.delete_role(RoleName="cook")
    assert iam.list_roles()["Roles"] == []


def live_as_service_linked_role(iam: Any, own: str) -> None:
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="one")["Role"]
    name = "AWSServiceRoleForAutoScaling_one"
    assert made["Arn"] == f"{own}:role/aws-service-role/autoscaling.amazonaws.com/{name}"
    assert iam.get_role(RoleName=name)["Role"] == made | {"RoleLastUsed": {}}
    with refused("UnmodifiableEntity", 400, f"protected role '{name}'"):
        iam.delete_role(RoleName=name)
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/autoscaling.amazonaws.com/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity", 404):
        iam.get_role(RoleName=name)


def live_as_policy(iam: Any, own: str) -> None:
    made = iam.create_policy(PolicyName="p", PolicyDocument=USERS, Path="/x/", Description="ä +=&/%:@ 漢")["Policy"]
    arn = f"{own}:policy/x/p"
    assert (made["Arn"], made["DefaultVersionId"], made["AttachmentCount"]) == (arn, "v1", 0)
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "ä +=&/%:@ 漢"
    assert [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=GROUPS)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(GROUPS)
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [("v2", True), ("v1", False)]
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy(PolicyArn=arn)


def live_with_tags(iam: Any, own: str) -> None:
    odd = [{"Key": "Größe", "Value": "ä +=/:@ 漢"}, {"Key": "a b", "Value": ""}]
    more = {
        "user": {"UserName": "tagged"},
        "role": {"RoleName": "tagged", "AssumeRolePolicyDocument": trust(f"{own}:root")},
        "policy": {"PolicyName": "tagged", "PolicyDocument": USERS},
    }
    for noun, command in more.items():
        made = getattr(iam, f"create_{noun}")(**command, Tags=odd)[noun.capitalize()]
        assert made["Tags"] == odd
        named = {"PolicyArn": made["Arn"]} if noun == "policy" else {f"{noun.capitalize()}Name": "tagged"}
        getattr(iam, f"tag_{noun}")(**named, Tags=[{"Key": "a b", "Value": "c"}])
        getattr(iam, f"untag_{noun}")(**named, TagKeys=["Größe", "unknown"])
        pages = iam.get_paginator(f"list_{noun}_tags").paginate(**named, PaginationConfig={"PageSize": 1})
        assert [tag for page in pages for tag in page["Tags"]] == [{"Key": "a b", "Value": "c"}]
        assert getattr(iam, f"get_{noun}")(**named)[noun.capitalize()]["Tags"] == [{"Key": "a b", "Value": "c"}]
        getattr(iam, f"delete_{noun}")(**named)


def live_within_boundaries(iam: Any, own: str) -> None:
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=USERS)["Policy"]["Arn"]
    told = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
    for noun, more in (("user", {}), ("role", {"AssumeRolePolicyDocument": trust(f"{own}:root")})):
        named = {f"{noun.capitalize()}Name": "bounded"}
        made = getattr(iam, f"create_{noun}")(**named, **more, PermissionsBoundary=arn)[noun.capitalize()]
        assert made["PermissionsBoundary"] == told
        getattr(iam, f"delete_{noun}_permissions_boundary")(**named)
        assert "PermissionsBoundary" not in getattr(iam, f"get_{noun}")(**named)[noun.capitalize()]
        getattr(iam, f"put_{noun}_permissions_boundary")(**named, PermissionsBoundary=arn)
        assert getattr(iam, f"get_{noun}")(**named)[noun.capitalize()]["PermissionsBoundary"] == told
        with refused("DeleteConflict", 409):
            iam.delete_policy(PolicyArn=arn)
        getattr(iam, f"delete_{noun}")(**named)
    iam.delete_policy(PolicyArn=arn)


def end_as_tools_do(iam: Any) -> None:
    """Ask what a tool asks that clears a user of everything before it deletes it."""
    iam.create_user(UserName="bare")
    assert iam.list_ssh_public_keys(UserName="bare")["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName="bare")["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName="bare")["ServiceSpecificCredentials"] == []
    for ask in (iam.get_login_profile, iam.delete_login_profile):
        with refused("NoSuchEntity", 404, "Login Profile for User bare cannot be found"):
            ask(UserName="bare")
    iam.delete_user(UserName="bare")
    with refused("NoSuchEntity", 404, "The user with name bare cannot be found"):
        iam.list_ssh_public_keys(UserName="bare")


def take_stock_as_tools_do(iam: Any) -> None:
    """List what an account may have of kinds that are not offered."""
    assert iam.list_server_certificates(PathPrefix="/web/")["ServerCertificateMetadataList"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    with refused("ValidationError", 400, "Invalid Marker"):
        iam.list_server_certificates(Marker="1.1.a.b")


def live_as_instance_profile(iam: Any, own: str) -> None:
    named, tags = {"InstanceProfileName": "fleet"}, [{"Key": "kind", "Value": "web"}]
    made = iam.create_instance_profile(**named, Path="/web/", Tags=tags)["InstanceProfile"]
    assert (made["Arn"], made["Tags"]) == (f"{own}:instance-profile/web/fleet", tags)
    iam.get_waiter("instance_profile_exists").wait(**named)
    iam.create_role(RoleName="pilot", AssumeRolePolicyDocument=trust(f"{own}:root"))
    iam.add_role_to_instance_profile(**named, RoleName="pilot")
    (role,) = iam.get_instance_profile(**named)["InstanceProfile"]["Roles"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust(f"{own}:root"))
    pages = iam.get_paginator("list_instance_profiles").paginate(PathPrefix="/web/")
    assert [each["InstanceProfileName"] for page in pages for each in page["InstanceProfiles"]] == ["fleet"]
    assert len(iam.list_instance_profiles_for_role(RoleName="pilot")["InstanceProfiles"]) == 1
    iam.tag_instance_profile(**named, Tags=[{"Key": "more", "Value": ""}])
    iam.untag_instance_profile(**named, TagKeys=["kind"])
    assert iam.list_instance_profile_tags(**named)["Tags"] == [{"Key": "more", "Value": ""}]
    with refused("DeleteConflict", 409):
        iam.delete_role(RoleName="pilot")
    iam.remove_role_from_instance_profile(**named, RoleName="pilot")
    iam.delete_instance_profile(**named)
    iam.delete_role(RoleName="pilot")


def live_as_provider(iam: Any, own: str) -> None:
    named = {"OpenIDConnectProviderArn": f"{own}:oidc-provider/idp.example"}
    tags = [{"Key": "kind", "Value": "ci"}]
    made = iam.create_open_id_connect_provider(Url="https://idp.example", ClientIDList=["one"], Tags=tags)
    assert (made["OpenIDConnectProviderArn"], made["Tags"]) == (named["OpenIDConnectProviderArn"], tags)
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["a" * 40])
    read = iam.get_open_id_connect_provider(**named)
    assert (read["ClientIDList"], read["ThumbprintList"]) == (["two"], ["a" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "more", "Value": ""}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["kind"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "more", "Value": ""}]
    assert [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]] == [
        *named.values()
    ]
    iam.delete_open_id_connect_provider(**named)


def live_as_issuer(iam: Any) -> None:
    """Be an issuer to others, for a while."""
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    told = iam.get_outbound_web_identity_federation_info()
    assert (told["IssuerIdentifier"], told["JwtVendingEnabled"]) == (issuer, True)
    iam.disable_outbound_web_identity_federation()


def live_as_account(iam: Any, account_id: str) -> None:
    own = iam.get_account_authorization_details(Filter=["User", "LocalManagedPolicy"])
    assert [user["Arn"] for user in own["UserDetailList"]] == [user["Arn"] for user in iam.list_users()["Users"]]
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert (report["ReportFormat"], report["Content"].count(b"\n")) == ("text/csv", 2 + len(own["UserDetailList"]))
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="counted")
    assert iam.get_account_summary()["SummaryMap"] == before | {"Users": before["Users"] + 1}
    assert (before["UsersQuota"], before["AccessKeysPerUserQuota"], before["AccountMFAEnabled"]) == (5000, 2, 0)
    iam.create_account_alias(AccountAlias=f"alias-{account_id}")
    assert iam.list_account_aliases()["AccountAliases"] == [f"alias-{account_id}"]
    iam.delete_account_alias(AccountAlias=f"alias-{account_id}")
    assert iam.list_account_aliases()["AccountAliases"] == []
    for ask in (iam.get_account_password_policy, iam.delete_account_password_policy):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            ask()
    iam.update_account_password_policy(MinimumPasswordLength=20, PasswordReusePrevention=2)
    asked = iam.get_account_password_policy()["PasswordPolicy"]
    assert (asked["MinimumPasswordLength"], asked["PasswordReusePrevention"]) == (20, 2)
    assert (asked["ExpirePasswords"], asked["AllowUsersToChangePassword"]) == (False, False)
    iam.delete_account_password_policy()


def live_with_a_password(iam: Any) -> None:
    name, first, chosen = "admin", "a first one, not for long", "chosen by nobody but me"
    made = iam.create_login_profile(UserName=name, Password=first, PasswordResetRequired=True)["LoginProfile"]
    assert iam.get_login_profile(UserName=name)["LoginProfile"] == made
    assert (made["UserName"], made["PasswordResetRequired"]) == (name, True)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_login_profile(UserName=name, Password=first)
    with refused("AccessDenied", 403, "The current password is wrong"):
        iam.change_password(OldPassword=chosen, NewPassword=first)
    with pytest.raises(iam.exceptions.PasswordPolicyViolationException):
        iam.change_password(OldPassword=first, NewPassword="too short")
    assert "PasswordLastUsed" not in iam.get_user(UserName=name)["User"]  # nobody has signed in with it
    iam.change_password(OldPassword=first, NewPassword=chosen)
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    with pytest.raises(iam.exceptions.PasswordPolicyViolationException):
        iam.update_login_profile(UserName=name, Password="1qaz2wsx3edc4rfv")
    iam.update_login_profile(UserName=name, Password=first)
    report = iam.get_credential_report()["Content"].decode()
    assert next(line for line in report.splitlines() if line.startswith(f"{name},")).split(",")[3] == "TRUE"
    iam.delete_login_profile(UserName=name)


def bear_policies(iam: Any, own: str, noun: str) -> None:
    kind, plural = noun.lower(), f"{noun}s"
    named = {f"{noun}Name": f"bearer-{kind}"}
    more = {"AssumeRolePolicyDocument": trust(f"{own}:root")} if noun == "Role" else {}
    bearer = getattr(iam, f"create_{kind}")(**named, **more)[noun]
    getattr(iam, f"put_{kind}_policy")(**named, PolicyName="inline", PolicyDocument=USERS)
    shown = getattr(iam, f"get_{kind}_policy")(**named, PolicyName="inline")
    assert shown["PolicyDocument"] == json.loads(USERS)
    assert getattr(iam, f"list_{kind}_policies")(**named)["PolicyNames"] == ["inline"]
    arn = iam.create_policy(PolicyName=f"for-{kind}", PolicyDocument=USERS)["Policy"]["Arn"]
    getattr(iam, f"attach_{kind}_policy")(**named, PolicyArn=arn)
    attached = getattr(iam, f"list_attached_{kind}_policies")(**named)["AttachedPolicies"]
    assert attached == [{"PolicyName": f"for-{kind}", "PolicyArn": arn}]
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    borne = {f"Policy{each}": entities[f"Policy{each}"] for each in ("Users", "Groups", "Roles")}
    mine = [{f"{noun}Name": bearer[f"{noun}Name"], f"{noun}Id": bearer[f"{noun}Id"]}]
    assert borne == {"PolicyUsers": [], "PolicyGroups": [], "PolicyRoles": []} | {f"Policy{plural}": mine}
    with refused("DeleteConflict", 409):
        iam.delete_policy(PolicyArn=arn)
    getattr(iam, f"detach_{kind}_policy")(**named, PolicyArn=arn)
    getattr(iam, f"delete_{kind}_policy")(**named, PolicyName="inline")
    getattr(iam, f"delete_{kind}")(**named)
    iam.delete_policy(PolicyArn=arn)


def test_without_a_name_a_user_asks_about_itself(iam: Any, resident: Tenant) -> None:
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{resident.account_id}:user/admin"
    (key,) = iam.list_access_keys()["AccessKeyMetadata"]
    assert key["AccessKeyId"] == resident.key.access_key_id


def test_the_model_s_exceptions_reach_the_caller(iam: Any) -> None:
    iam.create_user(UserName="ann")
    make_key(iam, "ann")
    make_key(iam, "ann")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="ANN")
    with pytest.raises(iam.exceptions.LimitExceededException):
        make_key(iam, "ann")
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_user(UserName="ann")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument="{}")
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.get_policy(PolicyArn="a-policy-of-no-account")


@pytest.mark.parametrize("noun", ["user", "group", "role", "policy"])
def test_names_are_unique_whatever_their_case(iam: Any, resident: Tenant, noun: str) -> None:
    more = {
        "role": {"AssumeRolePolicyDocument": trust(f"arn:aws:iam::{resident.account_id}:root")},
        "policy": {"PolicyDocument": USERS},
    }.get(noun, {})
    create, name = getattr(iam, f"create_{noun}"), f"{noun.capitalize()}Name"
    create(**{name: "Kim"}, **more)
    with refused("EntityAlreadyExists", 409):
        create(**{name: "KIM"}, **more)


def test_odd_names_and_paths_survive(iam: Any, resident: Tenant) -> None:
    path = "/a+b/c=d,e.f@g%20h/"
    made = iam.create_user(UserName="x+u@x=,.", Path=path)["User"]
    assert made["Arn"] == f"arn:aws:iam::{resident.account_id}:user{path}x+u@x=,."
    assert iam.list_users(PathPrefix="/a+b/")["Users"] == [made]
    assert iam.get_user(UserName="x+u@x=,.")["User"] == made


def test_odd_values_in_a_policy_survive(iam: Any) -> None:
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"a:b": "a b+c ÿ%2F"}}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, ensure_ascii=False, indent=2)
    iam.create_user(UserName="odd")
    iam.put_user_policy(UserName="odd", PolicyName="odd", PolicyDocument=text)
    assert iam.get_user_policy(UserName="odd", PolicyName="odd")["PolicyDocument"] == json.loads(text)


def test_a_malformed_policy_is_told_where_it_is_wrong(iam: Any) -> None:
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"Alike": {"a:b": "c"}}}
    with refused("MalformedPolicyDocument", 400, "Statement"):
        iam.create_policy(PolicyName="p", PolicyDocument=json.dumps({"Statement": [statement]}))


def test_the_service_s_policies_can_be_attached_and_not_changed(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    assert arn in {each["Arn"] for each in iam.list_policies(Scope="AWS")["Policies"]}
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=arn)
    with refused("AccessDenied", 403):
        iam.delete_policy(PolicyArn=arn)


def test_every_operation_that_is_not_offered_is_refused_with_its_reason(server: Service, resident: Tenant) -> None:
    asked = set()
    for service in ("iam", "sts"):
        client = unchecked(server, service, resident.key)
        for name in NOT_OFFERED.keys() & set(client.meta.method_to_api_mapping.values()):
            with refused("InvalidAction", 400, NOT_OFFERED[name]):
                client._make_api_call(name, {})
            asked.add(name)
    assert asked == NOT_OFFERED.keys()


def test_a_denied_call_says_what_was_missing(iam: Any, server: Service, resident: Tenant) -> None:
    weak = server.boto("iam", make_user(iam, "weak", USERS))
    assert weak.list_users()["Users"]
    own = f"arn:aws:iam::{resident.account_id}"
    with pytest.raises(ClientError) as caught:
        weak.create_user(UserName="other", Path="/p/")
    said, _, receipt = caught.value.response["Error"]["Message"].partition(" Encoded authorization failure message: ")
    assert receipt
    assert said == (
        f"User: {own}:user/weak is not authorized to perform: iam:CreateUser on resource: {own}:user/p/other "
        "because no identity-based policy allows the iam:CreateUser action"
    )
