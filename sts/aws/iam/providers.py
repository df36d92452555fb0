"""OpenID Connect providers (IAM API Reference, "CreateOpenIDConnectProvider" and its kin)."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.rows import iam_row, on_tagging
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.aws.tags import read_tags, show_tags
from sts.directory.providers import Providers, unknown_provider
from sts.directory.tags import Tagging
from sts.errors import InputInvalid
from sts.model import Caller
from sts.providers import KIND, Provider, render_provider_arn
from sts.store import providers as stored
from sts.store.database import Transaction
from sts.tags import Tags

_ARN = re.compile(rf"arn:aws:iam::[0-9]{{12}}:{KIND}/.+")


@dataclass(frozen=True, slots=True)
class ProviderOperations:
    """The rows about OpenID Connect providers; what AWS does not keep of them is asked and told elsewhere (`api`)."""

    providers: Providers
    tagging: Tagging

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        create = on_tagging("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider")
        add, remove = "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"
        pin = "UpdateOpenIDConnectProviderThumbprint"
        return (
            iam_row(
                "CreateOpenIDConnectProvider", Event.PROVIDER_CREATE, _find_new, Changes(self._create), demands=create
            ),
            iam_row("GetOpenIDConnectProvider", Event.PROVIDER_READ, find_provider, Reads(_get)),
            iam_row("ListOpenIDConnectProviders", Event.PROVIDER_LIST, _find_any, Reads(_list)),
            iam_row(add, Event.PROVIDER_UPDATE, find_provider, Changes(self._add_client_id)),
            iam_row(remove, Event.PROVIDER_UPDATE, find_provider, Changes(self._remove_client_id)),
            iam_row(pin, Event.PROVIDER_UPDATE, find_provider, Changes(self._put_thumbprints)),
            iam_row("DeleteOpenIDConnectProvider", Event.PROVIDER_DELETE, find_provider, Changes(self._delete)),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        provider = self.providers.create(
            tx,
            account_id=target.account_id,
            issuer=command["Url"],
            client_ids=command.get("ClientIDList", ()),
            thumbprints=command.get("ThumbprintList", ()),
        )
        tags = read_tags(command)
        self.tagging.put(tx, bearer=provider, tags=tags)
        return {"OpenIDConnectProviderArn": provider.arn} | _describe_tags(dict(sorted(tags)))

    def _add_client_id(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.providers.add_client_id(tx, provider=get_provider(command, target), client_id=command["ClientID"])
        return {}

    def _remove_client_id(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.providers.remove_client_id(tx, provider=get_provider(command, target), client_id=command["ClientID"])
        return {}

    def _put_thumbprints(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        provider = get_provider(command, target)
        self.providers.put_thumbprints(tx, provider=provider, thumbprints=command["ThumbprintList"])
        return {}

    def _delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        _verify_arn(command)
        if target.noun is not None:  # one that is not there is not missed (API Reference)
            self.providers.delete(tx, provider=target.noun)
        return {}


def find_provider(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the provider of the ARN, which is what a policy names, whether or not the account has such a provider."""
    arn = command["OpenIDConnectProviderArn"]
    provider = stored.find_provider(connection, arn)
    own = provider is not None and provider.account_id == caller.account_id
    return Target(arn, caller.account_id, provider if own else None)


def get_provider(command: Command, target: Target) -> Provider:
    """Return the provider that was authorized; raises NotFound when there was none, InputInvalid for no such ARN."""
    _verify_arn(command)
    if not isinstance(target.noun, Provider):
        raise unknown_provider(command["OpenIDConnectProviderArn"])
    return target.noun


def _get(_connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
    provider = get_provider(command, target)
    return {
        "Url": provider.locator,  # AWS tells it without the scheme
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created_at,
    } | _describe_tags(target.tags)


def _list(connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
    found = stored.list_providers(connection, target.account_id)
    return {"OpenIDConnectProviderList": [{"Arn": each.arn} for each in found]}


def _find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(render_provider_arn(caller.account_id, command["Url"]), caller.account_id)


def _find_any(_connection: Connection, caller: Caller, _command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"{KIND}/"), caller.account_id)


def _verify_arn(command: Command) -> None:
    if not _ARN.fullmatch(command["OpenIDConnectProviderArn"]):
        raise InputInvalid("Invalid ARN: this is not one of an OpenID Connect provider.")


def _describe_tags(tags: Tags) -> Result:
    return {"Tags": show_tags(tags)} if tags else {}
