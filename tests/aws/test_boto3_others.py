"""Clients of services that are not offered here, sent to this one by a single AWS_ENDPOINT_URL."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.clients import refused
from tests.service import Service, Tenant

Call = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("name", "call", "code", "status"),
    [
        ("organizations", lambda client: client.list_accounts(), "UnknownOperationException", 400),
        ("dynamodb", lambda client: client.list_tables(), "UnknownOperationException", 400),
        ("ec2", lambda client: client.describe_instances(), "InvalidAction", 400),
        ("autoscaling", lambda client: client.describe_auto_scaling_groups(), "InvalidAction", 400),
        ("sso", lambda client: client.list_accounts(accessToken="none"), "UnknownOperationException", 404),
        ("rolesanywhere", lambda client: client.list_profiles(), "UnknownOperationException", 404),
        ("eks", lambda client: client.list_clusters(), "UnknownOperationException", 404),
        (
            "sso-oidc",
            lambda client: client.register_client(clientName="name", clientType="public"),
            "UnknownOperationException",
            404,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)
def test_another_service_s_client_is_refused_in_its_own_protocol(
    server: Service, resident: Tenant, name: str, call: Call, code: str, status: int
) -> None:
    with refused(code, status):
        call(server.boto(name, resident.key))


def test_the_refusal_of_an_unknown_address_names_it(server: Service, resident: Tenant) -> None:
    with refused("UnknownOperationException", 404, "This service does not offer POST /clusters"):
        server.boto("eks", resident.key).create_cluster(name="c", roleArn="r", resourcesVpcConfig={})


def test_an_action_of_another_service_s_version_is_not_taken_for_ours(server: Service, resident: Tenant) -> None:
    with refused("InvalidAction", 400, "This service offers sts and iam, not rds"):
        server.boto("rds", resident.key).describe_db_instances()
