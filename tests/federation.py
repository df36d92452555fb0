"""An account that takes the tokens of an issuer, whose keys are uploaded to it, and roles that trust that issuer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.api.asking import ask, tell
from tests.authn.identity_tokens import CLIENT_ID, Issuer, write_key_set
from tests.service import Reply, Service, Tenant

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
ISSUER = "https://issuer.example.com:8443/realm"
DENIED = f"Not authorized to perform {WEB_IDENTITY}"
Conditions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Realm:
    """The issuer, the account that registered it, and the service that both use."""

    service: Service
    tenant: Tenant
    issuer: Issuer
    name: str
    arn: str

    @property
    def locator(self) -> str:
        """Return what condition keys of its claims begin with."""
        return self.issuer.issuer.partition("://")[2]

    def token(self, **changes: Any) -> str:
        """Return a token that holds but for *changes* of its claims; *changes* to `...` leave a claim out."""
        return self.issuer.token(**changes)

    def make_role(self, name: str, *statements: dict[str, Any], may: str | None = None) -> str:
        """Make a role that trusts the provider, or says *statements*; return its ARN."""
        return make_trusting_role(self.service, self.tenant, name, *(statements or (self.trusts(),)), may=may)

    def trusts(self, *actions: str, condition: Conditions | None = None, whom: Any = None) -> dict[str, Any]:
        """Return a statement that trusts the provider, or *whom*."""
        federated = {"Federated": self.arn} if whom is None else whom
        statement = {"Effect": "Allow", "Principal": federated, "Action": [WEB_IDENTITY, *actions]}
        return statement | ({"Condition": condition} if condition else {})

    def assume(self, role_arn: str, name: str = "session", *, token: str | None = None, **parameters: str) -> Reply:
        """Call AssumeRoleWithWebIdentity with a token that holds, or *token*, unsigned."""
        sent = {"RoleArn": role_arn, "RoleSessionName": name, **parameters}
        return self.service.call(
            None, "AssumeRoleWithWebIdentity", "sts", WebIdentityToken=token or self.token(), **sent
        )


def make_trusting_role(
    service: Service, tenant: Tenant, name: str, *statements: dict[str, Any], may: str | None = None
) -> str:
    """Make a role with a trust policy of *statements* that may do everything, or what *may* says; return its ARN."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=policy)
    assert made.status == 200, made.body
    everything = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    named = {"RoleName": name, "PolicyName": "may"}
    put = service.call(tenant.key, "PutRolePolicy", PolicyDocument=may or everything, **named)
    assert put.status == 200, put.body
    return made.text("Arn")


def register(
    service: Service, tenant: Tenant, issuer: str, *, client_ids: tuple[str, ...] = (CLIENT_ID,), **settings: Any
) -> Realm:
    """Register *issuer* with the account, its keys uploaded."""
    signing = Issuer(service.clock, issuer)
    told = {"name": uuid4().hex, "issuer": issuer, "client_ids": client_ids, "key_set": write_key_set(signing.key)}
    made = tell(ask(service, tenant.key, "/api/providers/add", told | settings))
    return Realm(service, tenant, signing, made["name"], made["arn"])


def refused(reply: Reply, code: str, status: int = 400, saying: str = "") -> None:
    """Expect *code*, *status* and words that hold *saying*."""
    assert (reply.status, reply.code) == (status, code), reply.body
    assert saying in reply.message


def denied(reply: Reply, saying: str = DENIED) -> None:
    """Expect a denial that says just this, with a receipt."""
    refused(reply, "AccessDenied", 403)
    assert reply.message == saying
    assert reply.receipt
