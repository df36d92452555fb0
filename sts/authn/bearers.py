"""Prove by the token of an identity provider who sends a request: nothing else of the request is signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sts.authn.throttle import Throttle
from sts.authn.webidentity import Assertion
from sts.coherence import Coherence
from sts.errors import Refusal, Unavailable
from sts.federation import FederatedPrincipal, read_claims
from sts.model import Caller, web_identity_caller


class Verifier(Protocol):
    """What trusts tokens."""

    async def prove(self, account_id: str, token: str) -> Assertion:
        """Return what *token* asserts to the account; raises IdentityTokenInvalid kin and IssuerUnreachable."""
        ...


@dataclass(frozen=True, slots=True)
class ProvenBearer:
    """The caller, and all claims of the token that it came with."""

    caller: Caller
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BearerProof:
    """Proves who comes with a token, not too often, by what every node knows of providers."""

    verifier: Verifier
    coherence: Coherence
    throttle: Throttle

    async def prove(self, account_id: str, token: str, address: str) -> ProvenBearer:
        """Return who came from *address* with *token*, for a role of the account.

        Raises IdentityTokenInvalid kin, IssuerUnreachable, Unavailable and Throttled.
        """
        claimed = (f"tokens for {account_id}",)
        counted = self.throttle.admit(address, lambda: claimed)
        try:
            await self.coherence.catch_up(self.coherence.ask())
            assertion = await self.verifier.prove(account_id, token)
        except Unavailable:  # no fault of the sender's
            raise
        except Refusal:
            self.throttle.count_failure(counted)
            raise
        self.throttle.learn(address, claimed)
        caller = _find_caller(assertion)
        self.throttle.count_caller(caller.beginner_id)
        return ProvenBearer(caller, assertion.claims)


def _find_caller(assertion: Assertion) -> Caller:
    provider = assertion.provider
    federated = FederatedPrincipal(
        issuer=assertion.issuer,
        subject=assertion.subject,
        audience=assertion.audience,
        claims=read_claims(provider.locator, assertion.claims),
    )
    return web_identity_caller(provider.account_id, provider.arn, provider.unique_id, federated)
