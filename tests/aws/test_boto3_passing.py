"""Passing roles on, through unmodified boto3: nobody hands out more than they may."""

from typing import Any

from tests.aws.clients import document, make_role, make_user, refused
from tests.service import Service, Tenant, trust


def test_a_role_is_passed_only_by_who_may_pass_it_and_only_to_that_service(
    iam: Any, server: Service, resident: Tenant
) -> None:
    everyone = trust(f"arn:aws:iam::{resident.account_id}:root")
    arns = {name: make_role(iam, name, everyone) for name in ("web", "admin-role", "lambda")}
    iam.create_instance_profile(InstanceProfileName="fleet")
    to = {arns["web"]: "ec2.amazonaws.com", arns["lambda"]: "lambda.amazonaws.com"}
    passing = [
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": arn,
            "Condition": {"StringEquals": {"iam:PassedToService": service}},
        }
        for arn, service in to.items()
    ]
    adding = {"Effect": "Allow", "Action": "iam:*InstanceProfile", "Resource": "*"}
    caller = server.boto("iam", make_user(iam, "caller", document(adding, *passing)))
    for name in ("admin-role", "lambda"):
        with refused("AccessDenied", 403, f"iam:PassRole on resource: {arns[name]}"):
            caller.add_role_to_instance_profile(InstanceProfileName="fleet", RoleName=name)
    assert caller.get_instance_profile(InstanceProfileName="fleet")["InstanceProfile"]["Roles"] == []
    caller.add_role_to_instance_profile(InstanceProfileName="fleet", RoleName="web")
    caller.remove_role_from_instance_profile(InstanceProfileName="fleet", RoleName="web")
