"""OpenID Connect providers: the queries."""

import json
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sts.providers import Provider, ProviderSettings
from sts.store.columns import is_among
from sts.store.database import from_microseconds, to_microseconds
from sts.store.provider_tables import oidc_provider as table


def find_provider(connection: Connection, arn: str) -> Provider | None:
    """Return the provider of this ARN."""
    row = connection.execute(select(table).where(table.c.arn == arn)).one_or_none()
    return None if row is None else _to_provider(row)


def find_providers(connection: Connection, arns: Collection[str]) -> tuple[Provider, ...]:
    """Return the providers that have one of these ARNs."""
    return tuple(map(_to_provider, connection.execute(select(table).where(is_among(table.c.arn, arns)))))


def list_providers(connection: Connection, account_id: str) -> tuple[Provider, ...]:
    """Return the providers of the account, by ARN."""
    query = select(table).where(table.c.account_id == account_id).order_by(table.c.arn)
    return tuple(map(_to_provider, connection.execute(query)))


def find_provider_named(connection: Connection, account_id: str, name: str) -> Provider | None:
    """Return the provider of the account whose name is *name* in any case."""
    query = select(table).where(table.c.account_id == account_id, table.c.name_key == name.lower())
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_provider(row)


def list_sealing(connection: Connection, after: str, limit: int) -> tuple[Provider, ...]:
    """Return up to *limit* providers of all accounts that have a client secret, behind the unique id *after*."""
    query = select(table).where(table.c.unique_id > after, table.c.sealed_client_secret.is_not(None))
    return tuple(map(_to_provider, connection.execute(query.order_by(table.c.unique_id).limit(limit))))


def count_providers(connection: Connection, account_id: str) -> int:
    """Return how many providers the account has."""
    query = select(func.count()).select_from(table).where(table.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def insert_provider(connection: Connection, new: Provider) -> None:
    """Keep a new provider."""
    fixed = {
        "unique_id": new.unique_id,
        "account_id": new.account_id,
        "arn": new.arn,
        "issuer": new.issuer,
        "created_at": to_microseconds(new.created_at),
    }
    connection.execute(insert(table).values(**fixed, **_said_of(new)))


def update_provider(connection: Connection, changed: Provider) -> None:
    """Keep what is now said of a provider that is already there; its issuer stays."""
    connection.execute(update(table).where(table.c.unique_id == changed.unique_id).values(**_said_of(changed)))


def update_sealed_client_secret(connection: Connection, unique_id: str, sealed: bytes) -> None:
    """Keep the same client secret sealed under another key."""
    connection.execute(update(table).where(table.c.unique_id == unique_id).values(sealed_client_secret=sealed))


def delete_provider(connection: Connection, unique_id: str) -> None:
    """Forget the provider."""
    connection.execute(delete(table).where(table.c.unique_id == unique_id))


def _said_of(provider: Provider) -> Mapping[str, Any]:
    settings = provider.settings
    return {
        "client_ids": json.dumps(provider.client_ids),
        "thumbprints": " ".join(provider.thumbprints),
        "enabled": provider.enabled,
        "name": settings.name,
        "name_key": None if settings.name is None else settings.name.lower(),
        "algorithms": " ".join(settings.algorithms),
        "key_set": settings.key_set,
        "authorities": settings.authorities,
        "private_addresses": settings.private_addresses,
        "preset": settings.preset,
        "claims": json.dumps(dict(settings.claims)),
        "sealed_client_secret": settings.sealed_client_secret,
    }


def _to_provider(row: Row[Any]) -> Provider:
    return Provider(
        unique_id=row.unique_id,
        account_id=row.account_id,
        issuer=row.issuer,
        client_ids=tuple(json.loads(row.client_ids)),
        thumbprints=tuple(row.thumbprints.split()),
        created_at=from_microseconds(row.created_at),
        enabled=row.enabled,
        settings=ProviderSettings(
            name=row.name,
            algorithms=tuple(row.algorithms.split()),
            key_set=row.key_set,
            authorities=row.authorities,
            private_addresses=row.private_addresses,
            preset=row.preset,
            claims=MappingProxyType(json.loads(row.claims)),
            sealed_client_secret=row.sealed_client_secret,
        ),
    )
