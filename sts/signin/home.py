"""The start page: who is signed in. And the way out, which every page of a session has."""

from sts.audit.events import Event
from sts.sessions import end_session
from sts.signin.answer import SESSION_COOKIE, Answer, Moved, Shown, take_back
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.table import HOME
from sts.signin.visit import Visit
from sts.store.aliases import find_alias

_SIGN_OUT = "/ui/sign-out"
SIGNED_OUT = "/ui/signed-out"


def home_rows() -> tuple[Page, ...]:
    """Return the rows."""
    end = Event.BROWSER_SESSION_END
    return (
        show_own("ShowHome", HOME, _show_home, proof=Proof.SESSION, event=Event.BROWSER_SESSION_READ),
        show_own("ShowSignOut", _SIGN_OUT, _show_sign_out, proof=Proof.SESSION),
        change_own("SignOut", _SIGN_OUT, _sign_out, proof=Proof.SESSION, event=end, retry=None),
        show_own("ShowSignedOut", SIGNED_OUT, _show_signed_out, proof=Proof.NONE),
    )


async def _show_home(visit: Visit, _target: Target) -> Answer:
    alias = await visit.read(lambda connection: find_alias(connection, visit.caller.account_id))
    return Shown("home.html", {"session": visit.get_opened().session, "alias": alias})


async def _show_sign_out(_visit: Visit, _target: Target) -> Answer:
    return Moved(HOME)


async def _sign_out(visit: Visit, _target: Target) -> Answer:
    session = visit.get_opened().session
    await visit.change(lambda tx: end_session(tx, session))
    return Moved(SIGNED_OUT, (take_back(SESSION_COOKIE),))


async def _show_signed_out(_visit: Visit, _target: Target) -> Answer:
    return Shown("signed-out.html")
