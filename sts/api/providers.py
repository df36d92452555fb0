"""OpenID Connect providers of the caller's own account, with what IAM does not keep of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from sts.api.request import Asked, parse_members
from sts.api.row import Command, Parts, Target
from sts.arn import iam_arn
from sts.directory.names import verify_name
from sts.directory.provider_settings import find_algorithms, find_issuer
from sts.directory.providers import find_provider
from sts.errors import ParameterInvalid
from sts.model import Caller, Secret
from sts.providers import KIND, Provider, ProviderSettings, render_provider_arn
from sts.store import providers as stored
from sts.store.database import Transaction

_NAME_LENGTH = 64
_ISSUER_LENGTH = 255
_OWN = ("client_ids", "thumbprints")  # members that IAM keeps as well
_SET = ("algorithms", "key_set", "authorities", "private_addresses", "preset")


class _Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class _New(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    issuer: str | None = None
    client_ids: list[str] = msgspec.field(default_factory=list)
    thumbprints: list[str] = msgspec.field(default_factory=list)
    client_secret: str | None = None
    algorithms: list[str] | None = None
    key_set: str | None = None
    authorities: str | None = None
    private_addresses: bool = False
    preset: str | None = None


class _Changed(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    new_name: str | UnsetType = UNSET
    client_ids: list[str] | UnsetType = UNSET
    thumbprints: list[str] | UnsetType = UNSET
    client_secret: str | UnsetType | None = UNSET
    algorithms: list[str] | UnsetType = UNSET
    key_set: str | UnsetType | None = UNSET
    authorities: str | UnsetType | None = UNSET
    private_addresses: bool | UnsetType = UNSET
    preset: str | UnsetType | None = UNSET


def parse_list(asked: Asked) -> Command:
    """Parse a request without parameters; raises ParameterInvalid."""
    if asked.parameters:
        raise ParameterInvalid("There are no parameters here")
    return {}


def parse_name(asked: Asked) -> Command:
    """Parse `{"name": …}`, the name of a provider or its issuer; raises Malformed kin."""
    return {"name": _verify_reference(parse_members(asked, _Named).name)}


def parse_new(asked: Asked) -> Command:
    """Parse what a provider is to be; what the preset knows is filled in. Raises Malformed kin."""
    new = parse_members(asked, _New)
    members = msgspec.structs.asdict(new) | {
        "name": verify_name(new.name, _NAME_LENGTH),
        "issuer": find_issuer(new.issuer, new.preset),
        "algorithms": list(find_algorithms(new.algorithms, new.preset)),
    }
    return _hide_secret(members)


def parse_changed(asked: Asked) -> Command:
    """Parse what is to change of a provider: members that are not there stay as they are. Raises Malformed kin."""
    members = msgspec.structs.asdict(parse_members(asked, _Changed))
    given = {name: value for name, value in members.items() if value is not UNSET}
    return _hide_secret(given | {"name": _verify_reference(given["name"])})


def find_any(_connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return what stands for the providers of the caller's account, as for iam:ListOpenIDConnectProviders."""
    return Target(iam_arn(caller.account_id, f"{KIND}/"))


def find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the provider that is to be made, by its ARN."""
    return Target(render_provider_arn(caller.account_id, command["issuer"]))


def find_named(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the provider of this name, or of this issuer, in the caller's account."""
    name: str = command["name"]
    found = find_provider(connection, caller.account_id, name)
    missing = render_provider_arn(caller.account_id, name) if "://" in name else f"{KIND}/{name}"
    return Target(iam_arn(caller.account_id, missing) if found is None else found.arn, found)


def render_list(_parts: Parts, connection: Connection, caller: Caller, _command: Command, _target: Target) -> bytes:
    """Return all providers, by ARN; never a client secret."""
    found = stored.list_providers(connection, caller.account_id)
    return msgspec.json.encode({"providers": [_describe(each) for each in found]})


def add(parts: Parts, tx: Transaction, caller: Caller, command: Command, _target: Target) -> bytes:
    """Register a provider."""
    settings = ProviderSettings(name=command["name"], **{name: command[name] for name in _SET if name != "algorithms"})
    made = parts.providers.create(
        tx,
        account_id=caller.account_id,
        issuer=command["issuer"],
        client_ids=command["client_ids"],
        thumbprints=command["thumbprints"],
        settings=replace(settings, algorithms=tuple(command["algorithms"])),
        client_secret=command["client_secret"],
    )
    return msgspec.json.encode(_describe(made))


def update(parts: Parts, tx: Transaction, _caller: Caller, command: Command, target: Target) -> bytes:
    """Change what is asked of the provider, and leave the rest."""
    changed = parts.providers.update(tx, provider=target.get_noun(), change=_change_as(parts, command))
    return msgspec.json.encode(_describe(changed))


def remove(parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Delete the provider, and end what was begun with its tokens."""
    parts.providers.delete(tx, provider=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "removed_at": tx.now})


def disable(parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Take no token of the provider, and end what was begun with one."""
    changed = parts.providers.disable(tx, provider=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "enabled": False, "changed": changed})


def enable(parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Take the provider's tokens again."""
    changed = parts.providers.enable(tx, provider=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "enabled": True, "changed": changed})


async def check(parts: Parts, target: Target) -> bytes:
    """Return what is wrong with the provider, asking its issuer as a token would have it asked."""
    findings = await parts.issuers.check(target.get_noun())
    told = [{"what": each.what, "words": each.words, "grave": each.grave} for each in findings]
    return msgspec.json.encode({"arn": target.arn, "ok": not any(each.grave for each in findings), "findings": told})


def _verify_reference(name: str) -> str:
    if "://" not in name:
        return verify_name(name, _NAME_LENGTH)
    if len(name) > _ISSUER_LENGTH or not name.isprintable():
        raise ParameterInvalid("name is that of a provider, or its issuer")
    return name


def _hide_secret(members: Mapping[str, Any]) -> Command:
    secret = members.get("client_secret")
    return members if secret is None else {**members, "client_secret": Secret(secret)}


def _change_as(parts: Parts, command: Command) -> Callable[[Provider], Provider]:
    def change(present: Provider) -> Provider:
        own: dict[str, Any] = {name: tuple(command[name]) for name in _OWN if name in command}
        wanted = {name: command[name] for name in _SET if name in command}
        if "algorithms" in wanted:
            wanted["algorithms"] = tuple(wanted["algorithms"])
        if "new_name" in command:
            wanted["name"] = command["new_name"]
        if command.get("client_secret", "") is None:
            wanted["sealed_client_secret"] = None
        changed = replace(present, **own, settings=replace(present.settings, **wanted))
        secret = command.get("client_secret")
        return changed if secret is None else parts.providers.seal_client_secret(changed, secret)

    return change


def _describe(provider: Provider) -> Mapping[str, Any]:
    settings = provider.settings
    return {
        "id": provider.unique_id,
        "name": settings.name,
        "arn": provider.arn,
        "issuer": provider.issuer,
        "enabled": provider.enabled,
        "created_at": provider.created_at,
        "client_ids": provider.client_ids,
        "thumbprints": provider.thumbprints,
        "client_secret": settings.sealed_client_secret is not None,
        "algorithms": settings.algorithms,
        "key_set": None if settings.key_set is None else json.loads(settings.key_set),
        "authorities": settings.authorities,
        "private_addresses": settings.private_addresses,
        "preset": settings.preset,
    }
