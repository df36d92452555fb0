"""Trust policies in words."""

import json
from typing import Any

import pytest

from sts.policy.wording import describe_trust

ALICE = "arn:aws:iam::123456789012:user/alice"


def trust(principal: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize(
    ("principal", "whom"),
    [
        ("*", "everybody, in every account and outside all of them"),
        ({"AWS": "*"}, "everybody, in every account and outside all of them"),
        ({"AWS": "123456789012"}, "whom the account 123456789012 lets"),
        ({"AWS": "arn:aws:iam::123456789012:root"}, "whom the account 123456789012 lets"),
        ({"AWS": ALICE}, f"the user alice ({ALICE})"),
        ({"AWS": "AIDAEXAMPLE"}, "nobody any more (AIDAEXAMPLE was deleted)"),
        (
            {"AWS": "arn:aws:sts::123456789012:assumed-role/app/me"},
            "the role session app/me (arn:aws:sts::123456789012:assumed-role/app/me)",
        ),
        ({"Service": "ec2.amazonaws.com"}, "the service ec2.amazonaws.com"),
        ({"Federated": "accounts.google.com"}, "whoever has signed in with accounts.google.com"),
    ],
)
def test_it_says_whom_a_statement_names(principal: Any, whom: str) -> None:
    assert describe_trust(trust(principal)) == (f"Allows sts:AssumeRole to {whom}.",)


def test_it_says_of_each_statement_what_it_does_and_on_which_conditions() -> None:
    allowed = json.loads(trust({"AWS": ALICE, "Service": ["ec2.amazonaws.com"]}))["Statement"]
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}, "StringEquals": {"sts:ExternalId": "7"}},
    }
    assert describe_trust(json.dumps({"Statement": [allowed, denied]})) == (
        f"Allows sts:AssumeRole to the user alice ({ALICE}), the service ec2.amazonaws.com.",
        (
            "Denies sts:AssumeRole, sts:TagSession to everybody, in every account and outside all of them, "
            "under conditions on aws:MultiFactorAuthPresent, sts:ExternalId."
        ),
    )
