"""An account that registered an issuer which publishes its keys, and a role that trusts it."""

from dataclasses import dataclass
from typing import Any

from tests.api.asking import ask, tell
from tests.authn.identity_tokens import CLIENT_ID, Issuer
from tests.federation import Realm
from tests.service import Reply, Service, Tenant


@dataclass(frozen=True)
class Relier:
    """The issuer with the account that registered it, and the role's ARN."""

    realm: Realm
    role: str

    def assume(self, token: str | None = None) -> Reply:
        """Become the role with a token of the issuer's that holds, or *token*."""
        return self.realm.assume(self.role, token=token)


def rely(
    service: Service, tenant: Tenant, issuer: Issuer, *, client_ids: tuple[str, ...] = (CLIENT_ID,), **settings: Any
) -> Relier:
    """Register *issuer* with the account, without its keys, and make a role that trusts it."""
    told = {"name": "idp", "issuer": issuer.issuer, "client_ids": client_ids}
    made = tell(ask(service, tenant.key, "/api/providers/add", told | settings))
    realm = Realm(service, tenant, issuer, made["name"], made["arn"])
    return Relier(realm, realm.make_role("worker"))
