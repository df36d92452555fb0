"""One's own password, changed by whoever is signed in: by the present one, after a recent proof of every factor."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.access import Demand
from sts.audit.events import Event
from sts.authn.passwords import PasswordProof, require_unchanged
from sts.directory.login_profiles import NewPasswords, choose_password
from sts.directory.owners import Owner, owner_id_of
from sts.directory.password_rules import lets_change
from sts.errors import Refusal
from sts.sessions import BrowserSessions
from sts.signin.answer import Answer, Shown
from sts.signin.choosing import read_new_password
from sts.signin.errors import render_message
from sts.signin.own import change_and_stay, find_self
from sts.signin.row import Page, Proof, Target, demand_on, show_page, take_form
from sts.signin.visit import Visit
from sts.store.database import Transaction

_PASSWORD = "/ui/password"  # noqa: S105  no secret


@dataclass(frozen=True, slots=True)
class OwnPasswordPages:
    """The page on which a person changes their password; it demands what ChangePassword of IAM demands."""

    passwords: PasswordProof
    new_passwords: NewPasswords
    sessions: BrowserSessions

    def rows(self) -> tuple[Page, ...]:
        """Return the rows: whoever finds a browser that somebody left signed in sets no password with it."""
        return (
            show_page(
                "ShowPassword",
                _PASSWORD,
                self._show,
                event=None,
                proof=Proof.RECENT,
                find=_find_self,
                demands=_demand,
                back=_PASSWORD,
            ),
            take_form(
                "ChangePassword",
                _PASSWORD,
                self._change,
                event=Event.PASSWORD_CHANGE,
                proof=Proof.RECENT,
                find=_find_self,
                demands=_demand,
                back=_PASSWORD,
                retry=self._retry,
            ),
        )

    async def _show(self, visit: Visit, target: Target) -> Answer:
        return await self._page(visit, target.noun, "")

    async def _retry(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._page(visit, (await find_self(visit)).noun, render_message(refusal))

    async def _page(self, visit: Visit, owner: Owner, error: str) -> Shown:
        shown = {"name": visit.caller.user_name or "root", "rules": await self.new_passwords.describe_rules(owner)}
        return Shown("password.html", {**shown, "error": error})

    async def _change(self, visit: Visit, target: Target) -> Answer:
        owner: Owner = target.noun
        chosen = read_new_password(visit)
        proven = await self.passwords.prove_again(
            owner_id_of(owner), visit.find("password"), visit.entry.address, visit.device
        )
        kept = await self.new_passwords.make_chosen(owner, chosen)

        def change(tx: Transaction) -> None:
            require_unchanged(tx, proven)
            choose_password(tx, owner=owner, password=kept)

        _, cookie = await change_and_stay(visit, self.sessions, change)
        return Shown("password-changed.html", cookies=(cookie,))


async def _find_self(visit: Visit) -> Target:
    """Return who is signed in; the account may grant each of its users what the page does."""
    found = await find_self(visit)

    def read(connection: Connection) -> bool:
        return lets_change(connection, visit.caller)

    return replace(found, is_granted=await visit.read(read))


def _demand(visit: Visit, target: Target) -> tuple[Demand, ...]:
    return () if target.is_granted else (demand_on(visit, "iam:ChangePassword", target),)
