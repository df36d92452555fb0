"""The identity providers of the account: what each is taken for and where its keys come from; and how each stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.access import Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.directory.providers import Providers
from sts.providers import KIND, Provider
from sts.signin.administering import administer, find_list, get_noun, show
from sts.signin.answer import Answer, Moved, Shown
from sts.signin.row import Page, Run, Target, demand_on, on_target
from sts.signin.visit import Visit
from sts.store.database import Transaction
from sts.store.providers import list_providers
from sts.store.tags import find_tags

_PROVIDERS = "/ui/providers"
_PROVIDER = f"{_PROVIDERS}/{{}}"  # by its unique id: an issuer has slashes, and not every provider has a name
_LIST = "sts-admin:ListProviders"


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """The list of providers, the page of one, and its forms."""

    providers: Providers

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        disable, enable = f"{_PROVIDERS}/disable/{{}}", f"{_PROVIDERS}/enable/{{}}"
        disabling, enabling = _run(self._disable), _run(self._enable)
        every, lists = find_list(KIND), on_target(_LIST)
        return (
            show("ShowProviders", _PROVIDERS, Event.PROVIDER_LIST, find=every, demands=lists, run=_list),
            show("ShowProvider", _PROVIDER, Event.PROVIDER_READ, find=_find, demands=_demand, run=_show),
            administer("DisableProvider", disable, Event.PROVIDER_DISABLE, find=_find, run=disabling, back=_PROVIDER),
            administer("EnableProvider", enable, Event.PROVIDER_ENABLE, find=_find, run=enabling, back=_PROVIDER),
        )

    def _disable(self, tx: Transaction, provider: Provider) -> object:
        return self.providers.disable(tx, provider=provider)

    def _enable(self, tx: Transaction, provider: Provider) -> object:
        return self.providers.enable(tx, provider=provider)


def _run(do: Callable[[Transaction, Provider], object]) -> Run:
    """Return what does this to the provider of the address, and leads back to its page."""

    async def run(visit: Visit, target: Target) -> Answer:
        visit.entry.parameters = {"name": visit.rest}
        provider: Provider = get_noun(target)
        await visit.change(lambda tx: do(tx, provider))
        return Moved(f"{_PROVIDERS}/{provider.unique_id}")

    return run


async def _find(visit: Visit) -> Target:
    """Return the provider of the account whose unique id the address names, if there is one."""
    return await visit.read(lambda connection: _look_up(connection, visit.caller.account_id, visit.rest))


def _look_up(connection: Connection, account_id: str, unique_id: str) -> Target:
    for each in list_providers(connection, account_id):
        if each.unique_id == unique_id:
            return Target(each.arn, each, tags=find_tags(connection, unique_id))
    return Target(iam_arn(account_id, f"{KIND}/{unique_id}"))


def _demand(visit: Visit, target: Target) -> tuple[Demand, ...]:
    """Return what the page of one demands: of IAM what it keeps, of the administration's list the rest."""
    every = Target(iam_arn(visit.caller.account_id, f"{KIND}/"))
    return demand_on(visit, "iam:GetOpenIDConnectProvider", target), demand_on(visit, _LIST, every)


async def _list(visit: Visit, _target: Target) -> Answer:
    account_id = visit.caller.account_id
    found = await visit.read(lambda connection: list_providers(connection, account_id))
    return Shown("providers.html", {"providers": found})


async def _show(_visit: Visit, target: Target) -> Answer:
    provider: Provider = get_noun(target)
    uploaded = provider.settings.key_set
    keys = None if uploaded is None else len(json.loads(uploaded)["keys"])
    return Shown("provider.html", {"provider": provider, "uploaded": keys})
