import json
from typing import Any

import pytest

from sts.errors import PolicyMalformed
from sts.policy.document import Kind, parse_document, principals_of, replace_principals
from sts.policy.evaluate import Outcome, Policies, Principal, PrincipalKind
from tests.policy.asking import ACCOUNT, ALICE, ask, name, parse, statement, write

pytestmark = pytest.mark.pure

OTHER = "444455556666"
ROOT = Principal(kind=PrincipalKind.ROOT, account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", unique_id=ACCOUNT)
SESSION = Principal(
    kind=PrincipalKind.ROLE_SESSION,
    account_id=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:role/team/app",
    unique_id="AROAAPP",
    session_name="one",
)
FEDERATED = Principal(
    kind=PrincipalKind.FEDERATED_USER,
    account_id=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:federated-user/fred",
    principal_arn=f"arn:aws:sts::{ACCOUNT}:federated-user/fred",
    unique_id=f"{ACCOUNT}:fred",
    creator_arn=ALICE.arn,
    creator_id=ALICE.unique_id,
)
SERVICE = Principal(kind=PrincipalKind.SERVICE, arn="ec2.amazonaws.com")
PROVIDER = Principal(
    kind=PrincipalKind.PROVIDER, account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"
)
GOOGLE = Principal(kind=PrincipalKind.PROVIDER, arn="accounts.google.com")
ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)
EVERYBODY = [ROOT, ALICE, SESSION, FEDERATED, SERVICE, PROVIDER, GOOGLE, ANONYMOUS]


def _said(whom: Any, principal: Principal) -> Outcome:
    """Return what a resource policy that allows *whom* says to *principal*."""
    policy = name(parse(statement(Principal=whom), kind=Kind.RESOURCE))
    return dict(ask(Policies(resource=policy), principal=principal).said)[Kind.RESOURCE]


def _names(whom: Any, *named: Principal) -> None:
    assert [each for each in EVERYBODY if _said(whom, each) is Outcome.ALLOWED] == list(named)


def test_a_star_is_everyone_anonymous_included() -> None:
    _names("*", *EVERYBODY)
    _names({"AWS": "*"}, *EVERYBODY)
    _names({"AWS": [OTHER, "*"]}, *EVERYBODY)


def test_an_account_names_its_principals_and_no_provider_registered_in_it() -> None:
    _names({"AWS": ACCOUNT}, ROOT, ALICE, SESSION, FEDERATED)
    _names({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ROOT, ALICE, SESSION, FEDERATED)
    _names({"AWS": OTHER})


def test_a_user_is_named_by_arn_or_unique_id() -> None:
    _names({"AWS": ALICE.arn}, ALICE, FEDERATED)
    _names({"AWS": ALICE.unique_id}, ALICE, FEDERATED)
    _names({"AWS": f"arn:aws:iam::{ACCOUNT}:user/Alice"})
    _names({"AWS": "AIDANOBODY"})


def test_a_role_is_named_with_its_path_and_covers_each_session() -> None:
    _names({"AWS": SESSION.principal_arn}, SESSION)
    _names({"AWS": "AROAAPP"}, SESSION)
    _names({"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"})


def test_a_session_is_named_by_its_arn_or_by_role_id_and_name() -> None:
    _names({"AWS": SESSION.arn}, SESSION)
    _names({"AWS": "AROAAPP:one"}, SESSION)
    _names({"AWS": "AROAAPP:two"})
    _names({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/two"})


def test_a_federated_user_is_named_by_the_arn_of_its_session() -> None:
    _names({"AWS": FEDERATED.arn}, FEDERATED)


def test_services_and_providers_are_named_under_their_own_members() -> None:
    _names({"Service": "ec2.amazonaws.com"}, SERVICE)
    _names({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, SERVICE)
    _names({"Federated": PROVIDER.arn}, PROVIDER)
    _names({"Federated": "accounts.google.com"}, GOOGLE)
    _names({"Service": "accounts.google.com"})
    _names({"AWS": ACCOUNT, "Federated": PROVIDER.arn, "Service": "ec2.amazonaws.com"}, *EVERYBODY[:6])


@pytest.mark.parametrize(
    ("whom", "place"),
    [
        ("alice", ""),
        ("", ""),
        (["*"], ""),
        (None, ""),
        ({}, ""),
        ({"AWS": []}, ".AWS"),
        ({"aws": "*"}, ".aws"),
        ({"CanonicalUser": "a" * 64}, ".CanonicalUser"),
        ({"AWS": "alice"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/al?ce"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, ".AWS"),
        ({"AWS": "arn:aws:iam::*:root"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:*"}, ".AWS"),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/*"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:group/admins"}, ".AWS"),
        ({"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}"}, ".AWS"),
        ({"AWS": f"{ACCOUNT}:root"}, ".AWS"),
        ({"AWS": f"{ACCOUNT}\n"}, ".AWS"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}*"}, ".AWS"),
        ({"AWS": "\u0661" * 12}, ".AWS"),
        ({"AWS": "AIDAALICE:one"}, ".AWS"),
        ({"AWS": "AKIAALICE"}, ".AWS"),
        ({"Service": "*"}, ".Service"),
        ({"Service": "ec2"}, ".Service"),
        ({"Service": "*.amazonaws.com"}, ".Service"),
        ({"Federated": "*"}, ".Federated"),
        ({"Federated": "id.example.com"}, ".Federated"),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/*"}, ".Federated"),
    ],
)
def test_whoever_is_no_principal_is_refused(whom: Any, place: str) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        parse(statement(Principal=whom), kind=Kind.RESOURCE)
    assert refused.value.place == "Statement[0].Principal" + place


def test_a_variable_in_a_principal_is_plain_text() -> None:
    _names({"AWS": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"})


def _spared(*listed: str, principal: Principal, bounded: bool = False, member: str = "AWS") -> bool:
    deny = statement("Deny", NotPrincipal={member: list(listed)})
    policies = Policies(
        resource=name(parse(deny, kind=Kind.RESOURCE)), boundary=name(parse(statement())) if bounded else None
    )
    return ask(policies, principal=principal).outcome is not Outcome.EXPLICIT_DENY


def test_not_principal_spares_only_whose_account_role_and_self_are_each_listed() -> None:
    assert _spared(ACCOUNT, ALICE.arn, principal=ALICE)
    assert not _spared(ACCOUNT, principal=ALICE)
    assert not _spared(ALICE.arn, principal=ALICE)
    assert _spared(ACCOUNT, SESSION.principal_arn, SESSION.arn, principal=SESSION)
    assert _spared(ACCOUNT, "AROAAPP", "AROAAPP:one", principal=SESSION)
    assert not _spared(ACCOUNT, SESSION.principal_arn, principal=SESSION)
    assert not _spared(ACCOUNT, SESSION.arn, principal=SESSION)
    assert not _spared(SESSION.principal_arn, SESSION.arn, principal=SESSION)
    assert _spared(ACCOUNT, principal=ROOT)
    assert not _spared(OTHER, principal=ROOT)
    assert _spared(ACCOUNT, FEDERATED.arn, principal=FEDERATED)
    assert not _spared(ACCOUNT, ALICE.arn, principal=FEDERATED)


def test_not_principal_and_those_without_an_account() -> None:
    assert _spared("ec2.amazonaws.com", principal=SERVICE, member="Service")
    assert not _spared("lambda.amazonaws.com", principal=SERVICE, member="Service")
    assert _spared(PROVIDER.arn, principal=PROVIDER, member="Federated")
    assert not _spared(ACCOUNT, principal=PROVIDER)
    assert not _spared(ACCOUNT, principal=ANONYMOUS)
    assert _spared("*", principal=ANONYMOUS)


def test_not_principal_always_denies_a_caller_with_a_boundary() -> None:
    assert not _spared(ACCOUNT, ALICE.arn, principal=ALICE, bounded=True)
    assert not _spared("*", principal=ALICE, bounded=True)


def test_the_principals_named_come_in_order_and_once() -> None:
    user, session, role = ALICE.arn, SESSION.arn, SESSION.principal_arn
    text = write(
        statement("Deny", NotPrincipal={"AWS": [session, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "*"]}),
        statement(Principal={"AWS": user, "Service": "ec2.amazonaws.com"}),
        statement(Principal={"AWS": [user, role, "AIDAX", FEDERATED.arn]}),
        statement(Principal="*"),
        statement(Principal={"Federated": PROVIDER.arn}),
    )
    parse_document(text, Kind.RESOURCE)
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert principals_of(text) == (session, ACCOUNT, root, "*", user, role, "AIDAX", FEDERATED.arn)
    assert principals_of(json.dumps({"Statement": statement(Principal={"AWS": user})})) == (user,)
    assert principals_of(write(statement())) == ()


def test_principals_are_replaced_there_and_back() -> None:
    text = write(
        {"Effect": "Allow", "Principal": {"AWS": ALICE.arn}, "Action": "sts:AssumeRole", "Sid": ALICE.arn},
        {"Effect": "Allow", "Principal": {"AWS": [SESSION.arn, ACCOUNT]}, "Action": ["sts:AssumeRole"]},
    )
    stored = replace_principals(text, {ALICE.arn: "AIDAALICE", SESSION.arn: "AROAAPP:one"})
    assert stored == (
        f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"AIDAALICE"}},'
        f'"Action":"sts:AssumeRole","Sid":"{ALICE.arn}"}},'
        f'{{"Effect":"Allow","Principal":{{"AWS":["AROAAPP:one","{ACCOUNT}"]}},"Action":["sts:AssumeRole"]}}]}}'
    )
    back = replace_principals(stored, {"AIDAALICE": ALICE.arn, "AROAAPP:one": SESSION.arn})
    assert json.loads(back) == json.loads(text)


def test_what_has_no_statements_names_no_principals() -> None:
    for text in ("{}", '{"Statement":[1]}', '{"Statement":{"Principal":{"AWS":[]}}}', "["):
        with pytest.raises(PolicyMalformed):
            principals_of(text)
