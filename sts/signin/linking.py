"""Where a link leads by which a person sets a password: to the choice of one, and from there into a sign-in.

What it proves is what a password proves: who has a second factor is asked for it all the same. The page may be looked
at as often as one likes, by scanners of mail too; what uses the link up is the password that is set.
"""

from dataclasses import dataclass

from msgspec.structs import replace as replace_struct
from sqlalchemy import Connection

from sts.audit.events import Event
from sts.authn.addresses import AddressCounts
from sts.clock import Clock
from sts.directory.links import PATH, SignInLinks
from sts.directory.login_profiles import NewPasswords, choose_password
from sts.directory.needs import find_needs
from sts.directory.owners import Owner, owner_id_of
from sts.errors import Refusal
from sts.model import Account
from sts.sessions import Flow, Needs, Step, caller_of, end_sessions, require_standing
from sts.signin.answer import Answer, Shown
from sts.signin.choosing import read_new_password
from sts.signin.entering import begin_flow
from sts.signin.errors import render_message
from sts.signin.progress import Progress
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.table import HOME, PAGE_OF_STEP
from sts.signin.visit import Visit
from sts.store import password_failures
from sts.store.credential_marks import mark_sign_in
from sts.store.database import Transaction

_LINK = f"{PATH}{{}}"


@dataclass(frozen=True, slots=True)
class LinkPages:
    """The page of a link."""

    links: SignInLinks
    new_passwords: NewPasswords
    addresses: AddressCounts
    progress: Progress
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows; a person whose link is no good may still know a password."""
        back, change = PAGE_OF_STEP[Step.PASSWORD], Event.PASSWORD_CHANGE
        return (
            show_own("ShowLink", _LINK, self._show, proof=Proof.NONE, back=back),
            change_own("SetPassword", _LINK, self._set, proof=Proof.NONE, event=change, retry=self._retry, back=back),
        )

    async def _show(self, visit: Visit, _target: Target) -> Answer:
        return await self._page(visit, "")

    async def _retry(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._page(visit, render_message(refusal))

    async def _page(self, visit: Visit, error: str) -> Shown:
        owner = await self._find_owner(visit)
        # As it is typed to sign in.
        user, is_root = (owner.account_id, True) if isinstance(owner, Account) else (owner.name, False)
        whose = {"user": user, "is_root": is_root, "account": owner.account_id, "link": PATH + visit.rest}
        rules = await self.new_passwords.describe_rules(owner)
        return Shown("link.html", {**whose, "rules": rules, "error": error})

    async def _find_owner(self, visit: Visit) -> Owner:
        """Return whose link it is; raises LinkInvalid, and Throttled for who has tried too many."""
        counted = await self.addresses.count(visit.entry.address)
        now = self.clock.now()
        owner = await visit.read(lambda connection: self.links.get_owner(connection, visit.rest, now))
        await self.addresses.take_back(counted)
        return owner

    async def _set(self, visit: Visit, _target: Target) -> Answer:
        owner = await self._find_owner(visit)
        chosen = read_new_password(visit)
        kept = await self.new_passwords.make_chosen(owner, chosen)
        flow = await self._begin_flow(visit, owner)
        visit.entry.caller = caller_of(flow)

        def change(tx: Transaction) -> None:
            redeemed = self.links.redeem(tx, visit.rest)
            require_standing(tx, flow)  # what is asked next was found out before
            choose_password(tx, owner=redeemed, password=kept)
            # What was guessed was the password before, and whoever knew that one may have a session with it.
            password_failures.unlock(tx.connection, owner_id_of(redeemed))
            end_sessions(tx, owner_id_of(redeemed))

        return await self.progress.move_on(visit, flow, change)

    async def _begin_flow(self, visit: Visit, owner: Owner) -> Flow:
        """Return the sign-in of who is setting a password: what else is asked of them is still to be shown."""
        owner_id, now = owner_id_of(owner), self.clock.now()

        def read(connection: Connection) -> tuple[Needs, bytes]:
            needs = find_needs(connection, owner.account_id, owner_id, now)
            return replace_struct(needs, must_change=False), mark_sign_in(connection, owner.account_id, owner_id)

        needs, mark = await visit.read(read)
        return begin_flow(owner, goal=HOME, now=now, needs=needs, mark=mark)
