"""The recipes of docs/token-recipes.md: each policy as it stands there, with tokens of that provider's shape."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.federation import Realm, denied, make_trusting_role, refused, register
from tests.service import Service, Tenant

PAGE = (Path(__file__).parents[2] / "docs" / "token-recipes.md").read_text(encoding="utf-8")
ACCOUNT = "123456789012"  # of the page


@dataclass(frozen=True)
class Recipe:
    """What a provider's token says, and what a token says that must not open the role: one change each."""

    issuer: str
    claims: Mapping[str, Any]
    strangers: tuple[Mapping[str, Any], ...]

    @property
    def audience(self) -> str:
        audience = self.claims["aud"]
        return str(audience[0] if isinstance(audience, list) else audience)


RECIPES = {
    # GitHub Docs, "OpenID Connect reference": an example token.
    "GitHub Actions": Recipe(
        "https://token.actions.githubusercontent.com",
        {
            "jti": "example-id",
            "sub": "repo:octo-org/octo-repo:environment:production",
            "environment": "production",
            "aud": "sts.amazonaws.com",
            "ref": "refs/heads/main",
            "sha": "0123456789abcdef0123456789abcdef01234567",
            "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org",
            "actor_id": "12",
            "repository_visibility": "private",
            "repository_id": "74",
            "repository_owner_id": "65",
            "run_id": "1234567890",
            "run_number": "10",
            "run_attempt": "2",
            "runner_environment": "github-hosted",
            "actor": "octocat",
            "workflow": "example-workflow",
            "head_ref": "",
            "base_ref": "",
            "event_name": "workflow_dispatch",
            "ref_type": "branch",
            "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
        },
        (
            {"sub": "repo:octo-org/octo-repo:ref:refs/heads/main"},
            {"sub": "repo:Octo-org/octo-repo:environment:production"},
            {"sub": "repo:stranger/octo-repo:environment:production", "repository_id": "75"},
            {"repository_id": "75"},
            {"repository_id": ...},
        ),
    ),
    # GitLab Docs, "ID token authentication": an example payload.
    "GitLab CI": Recipe(
        "https://gitlab.com",
        {
            "namespace_id": "72",
            "namespace_path": "my-group",
            "project_id": "22",
            "project_path": "my-group/my-project",
            "user_id": "1",
            "user_login": "sample-user",
            "user_email": "sample-user@example.com",
            "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
            "pipeline_id": "574",
            "pipeline_source": "push",
            "job_id": "302",
            "ref": "main",
            "ref_type": "branch",
            "ref_path": "refs/heads/main",
            "ref_protected": "true",
            "groups_direct": ["my-group/mysubgroup1", "my-group/mysubgroup2"],
            "environment": "test-environment2",
            "environment_protected": "false",
            "deployment_tier": "testing",
            "runner_id": 1,
            "runner_environment": "self-hosted",
            "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
            "aud": "https://sts.example.com",
        },
        (
            {"sub": "project_path:my-group/my-project:ref_type:branch:ref:feature"},
            {"sub": "project_path:my-group/my-project2:ref_type:branch:ref:main", "project_id": "23"},
            {"ref_protected": "false"},
            {"ref_protected": ...},
        ),
    ),
    # Kubernetes, "Managing Service Accounts": the schema of a bound service account token.
    "Service accounts of a Kubernetes cluster": Recipe(
        "https://kubernetes.default.svc.cluster.local",
        {
            "aud": ["sts.amazonaws.com"],
            "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
            "kubernetes.io": {
                "namespace": "shop",
                "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
                "pod": {"name": "checkout-x", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
                "serviceaccount": {"name": "checkout", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
            },
            "sub": "system:serviceaccount:shop:checkout",
        },
        (
            {"sub": "system:serviceaccount:shop:default"},
            {"sub": "system:serviceaccount:other:checkout"},
            {"sub": "system:serviceaccount:shop:checkout2"},
        ),
    ),
    # A token of GetWebIdentityToken (IAM User Guide, "Understanding token claims").
    "Another instance of this service, or AWS": Recipe(
        "https://sts.partner.example/outbound/2f6d1a52-57b0-4d53-9a6c-0d6b4c8f3b11",
        {
            "aud": "https://sts.example.com",
            "sub": "arn:aws:iam::444455556666:role/nightly/export",
            "jti": "xyz123",
            "https://sts.amazonaws.com/": {
                "aws_account": "444455556666",
                "principal_id": "arn:aws:iam::444455556666:role/nightly/export",
                "principal_tags": {"team": "data"},
            },
        },
        (
            {"sub": "arn:aws:iam::444455556666:role/export"},
            {"sub": "arn:aws:iam::444455556667:role/nightly/export"},
        ),
    ),
}


def _find_policy(title: str, account_id: str) -> dict[str, Any]:
    """Return the statement of the recipe's policy, for an account of the test's own."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    policy = json.loads(block.replace(ACCOUNT, account_id))
    assert policy["Version"] == "2012-10-17"
    statement: dict[str, Any] = policy["Statement"]
    return statement


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


@pytest.fixture
def realm(service: Service, tenant: Tenant, recipe: Recipe) -> Realm:
    return register(service, tenant, recipe.issuer, client_ids=(recipe.audience, "another-audience"))


@pytest.fixture
def role(realm: Realm, recipe: Recipe) -> str:
    title = next(each for each in RECIPES if RECIPES[each] is recipe)
    return make_trusting_role(realm.service, realm.tenant, "deploy", _find_policy(title, realm.tenant.account_id))


def test_the_page_has_a_test_for_each_of_its_recipes() -> None:
    assert set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) == RECIPES.keys()


def test_a_token_of_the_provider_s_shape_opens_the_role(realm: Realm, recipe: Recipe, role: str) -> None:
    reply = realm.assume(role, token=realm.token(**recipe.claims))
    assert reply.status == 200, reply.body
    assert reply.text("SubjectFromWebIdentityToken") == recipe.claims["sub"]
    assert realm.service.call(reply.key(), "GetCallerIdentity", "sts").status == 200


def test_a_token_of_anybody_else_there_opens_nothing(realm: Realm, recipe: Recipe, role: str) -> None:
    for change in recipe.strangers:
        denied(realm.assume(role, token=realm.token(**{**recipe.claims, **change})))
    denied(realm.assume(role, token=realm.token(**{**recipe.claims, "aud": "another-audience"})))
    refused(realm.assume(role, token=realm.token(**{**recipe.claims, "aud": "unknown"})), "InvalidIdentityToken")


def test_the_page_names_what_the_provider_is_registered_with(recipe: Recipe) -> None:
    commands = re.findall(r"^sts providers add .+$", PAGE, re.MULTILINE)
    (command,) = (each for each in commands if f"--issuer {recipe.issuer} " in each or _is_preset(each, recipe.issuer))
    assert f"--client-id {recipe.audience}" in command


def _is_preset(command: str, issuer: str) -> bool:
    preset = re.search(r"--preset (\w+)", command)
    return preset is not None and preset[1] in issuer
