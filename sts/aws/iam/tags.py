"""Tags of all that bears any (IAM API Reference, "TagUser" and its kin)."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.instance_profiles import find_profile, get_profile
from sts.aws.iam.mfa_devices import find_device, get_device
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.policies import find_changeable, find_visible, get_policy
from sts.aws.iam.providers import find_provider, get_provider
from sts.aws.iam.roles import get_role
from sts.aws.iam.rows import iam_row, on_tagging
from sts.aws.iam.users import get_user
from sts.aws.row import Changes, Command, Find, Operation, Reads, Result, Target
from sts.aws.tags import read_tags, show_tags
from sts.directory.tags import Tagged, Tagging
from sts.model import Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class TagOperations:
    """IAM's operations on tags, the same three for each noun."""

    tagging: Tagging
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return a row for each operation."""
        on_user, on_role = on_bearer(BearerKind.USER), on_bearer(BearerKind.ROLE)
        nouns = (
            _OfNoun(self.tagging, self.pager, "User", on_user, on_user, get_user),
            _OfNoun(self.tagging, self.pager, "Role", on_role, on_role, get_role),
            _OfNoun(self.tagging, self.pager, "Policy", find_visible, find_changeable, get_policy),
            _OfNoun(self.tagging, self.pager, "InstanceProfile", find_profile, find_profile, get_profile),
            _OfNoun(self.tagging, self.pager, "MFADevice", find_device, find_device, get_device),
            _OfNoun(self.tagging, self.pager, "OpenIDConnectProvider", find_provider, find_provider, get_provider),
        )
        return tuple(row for noun in nouns for row in noun.rows())


@dataclass(frozen=True, slots=True)
class _OfNoun:
    tagging: Tagging
    pager: Pager
    noun: str
    find_shown: Find
    find_changed: Find
    get: Callable[[Command, Target], Tagged]

    def rows(self) -> tuple[Operation, ...]:
        return (
            self._row("Tag", Event.TAG_PUT, Changes(self.put)),
            self._row("Untag", Event.TAG_REMOVE, Changes(self.remove)),
            iam_row(f"List{self.noun}Tags", Event.TAG_LIST, self.find_shown, Reads(self.list)),
        )

    def _row(self, verb: str, event: Event, handler: Changes) -> Operation:
        action = f"iam:{verb}{self.noun}"
        return iam_row(f"{verb}{self.noun}", event, self.find_changed, handler, demands=on_tagging(action, action))

    def put(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.tagging.put(tx, bearer=self.get(command, target), tags=read_tags(command))
        return {}

    def remove(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.tagging.remove(tx, bearer=self.get(command, target), keys=command["TagKeys"])
        return {}

    def list(self, _connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        self.get(command, target)
        operation = f"List{self.noun}Tags"
        after = self.pager.after(command, operation, caller.account_id)
        later = [(key, value) for key, value in target.tags.items() if after is None or key > after]
        shown, more = self.pager.page(
            later[: read_limit(command)], command, operation, caller.account_id, lambda tag: tag[0]
        )
        return {"Tags": show_tags(dict(shown)), **more}
