"""Providers with uploaded keys, roles that trust them, and their tokens, made beforehand."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain

from sts.app import build_accounts
from sts.clock import SystemClock
from sts.crypto.jwk import generate_signing_key
from sts.directory.attachments import Attachments
from sts.directory.providers import Providers
from sts.directory.roles import Roles
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.providers import ProviderSettings
from sts.settings import read_settings
from sts.store.database import Transaction
from tests.authn.identity_tokens import CLIENT_ID, Issuer, write_key_set
from tests.bench.population import Assumption

ALGORITHMS = ("RS256", "ES256")
_ROLES = 100
_FOR_EACH = 80  # tokens of each role: more requests than a round has
_LASTING = 4 * 3_600  # seconds
_READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def name_row(algorithm: str, *, repeated: bool) -> str:
    """Return the name of the row for tokens of *algorithm*."""
    which = "one token for each role" if repeated else "a new token each time"
    return f"AssumeRoleWithWebIdentity, {algorithm}, {which}"


def settle_tokens(environment: Mapping[str, str]) -> Mapping[str, tuple[Assumption, ...]]:
    """Put providers and roles into the store that *environment* tells of; return who comes with which token, by row."""
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    rows: dict[str, tuple[Assumption, ...]] = {}
    for algorithm in ALGORITHMS:
        settled = _settle(at, algorithm)
        rows[name_row(algorithm, repeated=True)] = settled[:_ROLES]
        rows[name_row(algorithm, repeated=False)] = settled[_ROLES:]
    at.database.close()
    return rows


def _settle(at: Foundation, algorithm: str) -> tuple[Assumption, ...]:
    issuer = Issuer(at.clock, f"https://{algorithm.lower()}.example.com", generate_signing_key(algorithm))
    arns, _ = at.database.transact_now(lambda tx: _make_roles(at, tx, issuer), at.clock.now())
    rounds = range(1 + _FOR_EACH)
    return tuple(chain.from_iterable(_come(issuer, arns, number) for number in rounds))


def _come(issuer: Issuer, arns: tuple[str, ...], number: int) -> Iterator[Assumption]:
    for each, arn in enumerate(arns):
        ends = int(issuer.now) + _LASTING
        token = issuer.token(sub=f"bearer-{each}", exp=ends, jti=f"{each}-{number}", groups=["one", "two"])
        yield Assumption(None, arn, token=token)


def _make_roles(at: Foundation, tx: Transaction, issuer: Issuer) -> tuple[str, ...]:
    """Make an account, a provider and roles that each trust one subject of it; return their ARNs."""
    account_id = build_accounts(at).create(tx).account.account_id
    kept = ProviderSettings(key_set=write_key_set(issuer.key))
    provider = Providers(at.entropy, at.keyring).create(
        tx, account_id=account_id, issuer=issuer.issuer, client_ids=(CLIENT_ID,), settings=kept
    )
    made = []
    for number in range(_ROLES):
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider.arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{provider.locator}:sub": f"bearer-{number}"}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = Roles(at.entropy).create(tx, account_id=account_id, name=f"role-{number}", trust_policy=trust)
        Attachments().attach(tx, bearer=role, policy_arn=_READ_ONLY)
        made.append(role.arn)
    return tuple(made)
