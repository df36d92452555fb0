"""One's own access keys, and how one is replaced by another without a moment in which neither works."""

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.directory.access_keys import AccessKeys, MintedKey, list_owned
from sts.directory.owners import Owner
from sts.model import AccessKey
from sts.signin.answer import Answer, Moved, Shown
from sts.signin.own import change_self, show_self
from sts.signin.row import Page, Target
from sts.signin.visit import Visit
from sts.store.access_keys import LastUse, find_last_use
from sts.store.database import Transaction

KEYS = "/ui/keys"
_ACTIVATE, _DEACTIVATE, _DELETE = f"{KEYS}/activate/{{}}", f"{KEYS}/deactivate/{{}}", f"{KEYS}/delete/{{}}"


@dataclass(frozen=True, slots=True)
class _Held:
    """A key, and when it was last used."""

    key: AccessKey
    last_use: LastUse | None


@dataclass(frozen=True, slots=True)
class AccessKeyPages:
    """The page of one's access keys; each of its forms demands what the operation of IAM demands."""

    access_keys: AccessKeys

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        changing = partial(change_self, back=KEYS)
        update, updated = "iam:UpdateAccessKey", Event.ACCESS_KEY_UPDATE
        created, deleted = Event.ACCESS_KEY_CREATE, Event.ACCESS_KEY_DELETE
        return (
            show_self("ShowAccessKeys", KEYS, "iam:ListAccessKeys", self._show, Event.ACCESS_KEY_LIST),
            changing("CreateAccessKey", KEYS, "iam:CreateAccessKey", self._create, event=created),
            changing("ActivateAccessKey", _ACTIVATE, update, self._activate, event=updated),
            changing("DeactivateAccessKey", _DEACTIVATE, update, self._deactivate, event=updated),
            changing("DeleteAccessKey", _DELETE, "iam:DeleteAccessKey", self._delete, event=deleted),
        )

    async def _show(self, visit: Visit, target: Target) -> Answer:
        held = await visit.read(lambda connection: _list(connection, target.noun))
        return Shown("keys.html", {"held": held, "most": self.access_keys.per_owner})

    async def _create(self, visit: Visit, target: Target) -> Answer:
        def change(tx: Transaction) -> MintedKey:
            minted = self.access_keys.create(tx, owner=target.noun)
            visit.entry.made = {"AccessKeyId": minted.key.access_key_id}
            return minted

        minted = await visit.change(change)
        return Shown("new-key.html", {"minted": minted})

    async def _activate(self, visit: Visit, target: Target) -> Answer:
        return await self._set(visit, target, active=True)

    async def _deactivate(self, visit: Visit, target: Target) -> Answer:
        return await self._set(visit, target, active=False)

    async def _set(self, visit: Visit, target: Target, *, active: bool) -> Answer:
        visit.entry.parameters = {"AccessKeyId": visit.rest, "Status": "Active" if active else "Inactive"}

        def change(tx: Transaction) -> AccessKey:
            return self.access_keys.update(tx, owner=target.noun, access_key_id=visit.rest, active=active)

        await visit.change(change)
        return Moved(KEYS)

    async def _delete(self, visit: Visit, target: Target) -> Answer:
        visit.entry.parameters = {"AccessKeyId": visit.rest}
        await visit.change(lambda tx: self.access_keys.delete(tx, owner=target.noun, access_key_id=visit.rest))
        return Moved(KEYS)


def _list(connection: Connection, owner: Owner) -> tuple[_Held, ...]:
    return tuple(_Held(key, find_last_use(connection, key.access_key_id)) for key in list_owned(connection, owner))
