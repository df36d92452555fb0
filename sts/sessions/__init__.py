"""The browser session, and the sign-in flow as a table.

`flow` says what comes next in a sign-in (pure), `flows` keeps those under way in the cache, `standing` says whether one
may go on, `browser` keeps the sessions that come of them in SQL, and `ending` ends them. Whoever needs a person to be
signed in, or to prove again who they are, stands on these.
"""

from sts.sessions.browser import Beginning, BrowserSessions, Opened
from sts.sessions.ending import end_everywhere, end_session, end_sessions
from sts.sessions.flow import Flow, Needs, Step, caller_of, next_step
from sts.sessions.flows import Flows
from sts.sessions.standing import require_standing, verify_standing

__all__ = [
    "Beginning",
    "BrowserSessions",
    "Flow",
    "Flows",
    "Needs",
    "Opened",
    "Step",
    "caller_of",
    "end_everywhere",
    "end_session",
    "end_sessions",
    "next_step",
    "require_standing",
    "verify_standing",
]
