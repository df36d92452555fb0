"""Who may assume a role, through unmodified boto3: the trust policy and the caller's own policies together."""

from typing import Any

import pytest

from tests.aws.clients import key_of, make_role, make_user, refused
from tests.service import Service, Tenant, allow, trust

ASSUME_ANY = allow("sts:AssumeRole")


def _assume(server: Service, key: Any, role_arn: str, **more: str) -> dict[str, Any]:
    assumed: dict[str, Any] = server.boto("sts", key).assume_role(RoleArn=role_arn, RoleSessionName="session", **more)
    return assumed


def test_a_user_named_in_the_trust_policy_needs_no_policy_of_its_own(
    server: Service, resident: Tenant, iam: Any
) -> None:
    key = make_user(iam, "ann")
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:user/ann"))
    assert _assume(server, key, role_arn)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/role/session")
    with refused("AccessDenied", 403):
        _assume(server, make_user(iam, "bob", ASSUME_ANY), role_arn)


def test_an_account_named_in_the_trust_policy_leaves_it_to_its_own_policies(
    server: Service, resident: Tenant, iam: Any
) -> None:
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:root"))
    assert _assume(server, make_user(iam, "able", allow("sts:AssumeRole", role_arn)), role_arn)
    with refused("AccessDenied", 403, "because no identity-based policy allows the sts:AssumeRole action"):
        _assume(server, make_user(iam, "bare"), role_arn)


def test_an_explicit_deny_of_the_caller_s_wins_over_trust(server: Service, resident: Tenant, iam: Any) -> None:
    key = make_user(iam, "ann", allow("sts:AssumeRole", effect="Deny"))
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:user/ann"))
    with refused("AccessDenied", 403, "with an explicit deny in an identity-based policy"):
        _assume(server, key, role_arn)


def test_an_administrator_assumes_no_role_that_does_not_trust_it(server: Service, resident: Tenant, iam: Any) -> None:
    make_user(iam, "ann")
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:user/ann"))
    with refused("AccessDenied", 403):
        _assume(server, resident.key, role_arn)


def test_a_missing_role_and_a_forbidden_one_read_the_same(server: Service, resident: Tenant, iam: Any) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    make_user(iam, "ann")
    make_role(iam, "kept", trust(f"{own}:user/ann"))
    for key in (resident.key, make_user(iam, "bare")):
        said = []
        for name in ("kept", "gone"):
            with pytest.raises(Exception, match="AccessDenied") as caught:
                _assume(server, key, f"{own}:role/{name}")
            told, _, receipt = str(caught.value).partition(" Encoded authorization failure message: ")
            assert receipt
            said.append(told.replace(f"role/{name}", "role/NAME"))
        assert said[0] == said[1]


def test_root_may_do_all_in_its_account_but_assume_roles(server: Service, resident: Tenant, iam: Any) -> None:
    root = server.root_key(resident)
    assert server.boto("sts", root).get_caller_identity()["Arn"] == f"arn:aws:iam::{resident.account_id}:root"
    of_root = server.boto("iam", root)
    of_root.create_user(UserName="by-root")
    of_root.delete_user(UserName="by-root")
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:root"))
    with refused("AccessDenied", 403):
        _assume(server, root, role_arn)


def test_another_account_needs_both_sides_and_the_external_id(server: Service, resident: Tenant, iam: Any) -> None:
    other = server.tenant()
    their_iam = server.boto("iam", other.key)
    agreed = {"StringEquals": {"sts:ExternalId": "a+b:c/d@e=f,g.h-i"}}
    role_arn = make_role(iam, "partner", trust(f"arn:aws:iam::{other.account_id}:root", condition=agreed))
    able = make_user(their_iam, "able", allow("sts:AssumeRole", role_arn))
    assumed = _assume(server, able, role_arn, ExternalId="a+b:c/d@e=f,g.h-i")
    identity = server.boto("sts", key_of(assumed)).get_caller_identity()
    assert identity["Account"] == resident.account_id
    for wrong in ({}, {"ExternalId": "other"}, {"ExternalId": "A+b:c/d@e=f,g.h-i"}):
        with refused("AccessDenied", 403):
            _assume(server, able, role_arn, **wrong)


def test_neither_side_alone_suffices_across_accounts(server: Service, resident: Tenant, iam: Any) -> None:
    other = server.tenant()
    their_iam = server.boto("iam", other.key)
    bare = make_user(their_iam, "bare")
    able = make_user(their_iam, "able", ASSUME_ANY)
    trusting = make_role(iam, "trusting", trust(f"arn:aws:iam::{other.account_id}:user/bare"))
    closed = make_role(iam, "closed", trust(f"arn:aws:iam::{resident.account_id}:root"))
    with refused("AccessDenied", 403, "because no identity-based policy allows"):
        _assume(server, bare, trusting)
    with refused("AccessDenied", 403, "because no role trust policy allows"):
        _assume(server, able, closed)
    with refused("AccessDenied", 403):
        server.boto("iam", able).get_role(RoleName="closed")


def test_a_new_bearer_of_a_name_inherits_no_trust(server: Service, resident: Tenant, iam: Any) -> None:
    arn = f"arn:aws:iam::{resident.account_id}:user/ann"
    iam.create_user(UserName="ann")
    role_arn = make_role(iam, "role", trust(arn))
    iam.delete_user(UserName="ann")
    with refused("AccessDenied", 403):
        _assume(server, make_user(iam, "ann", ASSUME_ANY), role_arn)
    shown = iam.get_role(RoleName="role")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert [name[:4] for name in shown] == ["AIDA"]


def test_a_new_role_of_an_old_name_inherits_neither_trust_nor_sessions(
    server: Service, resident: Tenant, iam: Any
) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    everyone = trust(f"{own}:root")
    first_arn = make_role(iam, "first", everyone)
    target_arn = make_role(iam, "target", trust(f"{own}:role/first"))
    of_first = key_of(_assume(server, resident.key, first_arn))
    assert _assume(server, of_first, target_arn)
    iam.delete_role(RoleName="first")
    make_role(iam, "first", everyone, ASSUME_ANY)
    with refused("InvalidClientTokenId", 403):
        server.boto("sts", of_first).get_caller_identity()
    with refused("AccessDenied", 403):
        _assume(server, key_of(_assume(server, resident.key, first_arn)), target_arn)


def test_a_principal_that_does_not_exist_cannot_be_trusted(resident: Tenant, iam: Any) -> None:
    with refused("MalformedPolicyDocument", 400, "Invalid principal in policy"):
        make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:user/nobody"))
    with refused("MalformedPolicyDocument", 400, "Invalid principal in policy"):
        make_role(iam, "role", trust("arn:aws:iam::000000000000:root"))


def test_an_inactive_key_and_a_deleted_one_are_refused_at_once(server: Service, resident: Tenant, iam: Any) -> None:
    key = make_user(iam, "ann")
    sts = server.boto("sts", key)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{resident.account_id}:user/ann"
    iam.update_access_key(UserName="ann", AccessKeyId=key.access_key_id, Status="Inactive")
    with refused("InvalidClientTokenId", 403):
        sts.get_caller_identity()
    iam.update_access_key(UserName="ann", AccessKeyId=key.access_key_id, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key.access_key_id)
    with refused("InvalidClientTokenId", 403):
        sts.get_caller_identity()


def test_a_policy_taken_away_is_missed_at_once(server: Service, iam: Any) -> None:
    weak = server.boto("iam", make_user(iam, "weak", allow("iam:ListUsers")))
    arn = iam.create_policy(PolicyName="groups", PolicyDocument=allow("iam:ListGroups"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="weak", PolicyArn=arn)
    assert weak.list_users()["Users"]
    assert weak.list_groups()["Groups"] == []
    iam.delete_user_policy(UserName="weak", PolicyName="inline-0")
    with refused("AccessDenied", 403):
        weak.list_users()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("iam:ListRoles"), SetAsDefault=True)
    with refused("AccessDenied", 403):
        weak.list_groups()
    assert weak.list_roles()["Roles"] == []


def test_who_leaves_a_group_leaves_its_rights_behind(server: Service, iam: Any) -> None:
    weak = server.boto("iam", make_user(iam, "weak"))
    iam.create_group(GroupName="listers")
    iam.put_group_policy(GroupName="listers", PolicyName="p", PolicyDocument=allow("iam:ListUsers"))
    with refused("AccessDenied", 403):
        weak.list_users()
    iam.add_user_to_group(GroupName="listers", UserName="weak")
    assert weak.list_users()["Users"]
    iam.remove_user_from_group(GroupName="listers", UserName="weak")
    with refused("AccessDenied", 403):
        weak.list_users()


def test_a_deleted_role_ends_its_sessions_at_once(server: Service, resident: Tenant, iam: Any) -> None:
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:root"))
    session = server.boto("sts", key_of(_assume(server, resident.key, role_arn)))
    assert session.get_caller_identity()["Account"] == resident.account_id
    iam.delete_role(RoleName="role")
    with refused("InvalidClientTokenId", 403):
        session.get_caller_identity()


def test_the_keys_of_a_deleted_user_are_no_longer_known(server: Service, iam: Any) -> None:
    key = make_user(iam, "ann")
    assert server.boto("sts", key).get_caller_identity()["Arn"].endswith(":user/ann")
    iam.delete_access_key(UserName="ann", AccessKeyId=key.access_key_id)
    iam.delete_user(UserName="ann")
    with refused("InvalidClientTokenId", 403):
        server.boto("sts", key).get_caller_identity()
