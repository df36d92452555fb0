"""Proving again who is signed in, before what is most sensitive: the password, then a code where there is a device."""

from dataclasses import dataclass

from sts.audit.events import Event
from sts.authn.passwords import PasswordProof
from sts.clock import Clock
from sts.directory.needs import find_needs
from sts.errors import Refusal
from sts.signin.answer import Answer, Shown
from sts.signin.entering import begin_flow
from sts.signin.errors import render_message
from sts.signin.progress import Progress
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.table import AGAIN, parse_goal
from sts.signin.visit import Visit


@dataclass(frozen=True, slots=True)
class AgainPages:
    """The page on which the bearer of a session proves again who they are; further steps are those of a sign-in."""

    passwords: PasswordProof
    progress: Progress
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        session, prove = Proof.SESSION, Event.PASSWORD_PROVE
        return (
            show_own("ShowAgain", AGAIN, _show, proof=session),
            change_own("ProveAgain", AGAIN, self._prove, proof=session, event=prove, retry=_retry),
        )

    async def _prove(self, visit: Visit, _target: Target) -> Answer:
        session = visit.get_opened().session
        proven = await self.passwords.prove_again(
            session.principal_id, visit.find("password"), visit.entry.address, visit.device
        )
        owner_id, now = session.principal_id, self.clock.now()
        needs = await visit.read(lambda connection: find_needs(connection, session.account_id, owner_id, now))
        flow = begin_flow(
            proven.principal,
            proven=proven,
            goal=parse_goal(visit.find("to")),
            now=now,
            needs=needs,
            mark=proven.mark,
            session_id=session.session_id,
        )
        return await self.progress.move_on(visit, flow)


async def _show(visit: Visit, _target: Target) -> Answer:
    return _page(visit, visit.query.get("to", ""), "")


async def _retry(visit: Visit, refusal: Refusal) -> Shown:
    return _page(visit, visit.find("to"), render_message(refusal))


def _page(visit: Visit, goal: str, error: str) -> Shown:
    name = "" if visit.opened is None else visit.caller.user_name or "root"
    return Shown("again.html", {"name": name, "goal": parse_goal(goal), "error": error})
