"""The users of the account: how each stands, and what an administrator does about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from sts.access import Demand
from sts.audit.events import Event
from sts.clock import Clock
from sts.directory import factor_requirements, locks, login_profiles, revocations
from sts.directory.bearers import confirm_bearer
from sts.directory.links import SignInLinks
from sts.logins.grants import end_sign_ins, list_live
from sts.model import Group, User
from sts.sessions import BrowserSessions
from sts.signin.administering import (
    LIMIT,
    administer,
    cut,
    demand_user_states,
    describe_borne,
    find_list,
    find_named,
    get_noun,
    parse_asked,
    show,
)
from sts.signin.answer import SESSION_COOKIE, Answer, Moved, Shown, take_back
from sts.signin.ended import Ended, render_address
from sts.signin.row import Page, Run, Target, demand_on
from sts.signin.visit import Visit
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.details import find_details
from sts.store.groups import list_groups_of
from sts.store.user_states import find_user_state, list_user_states

USERS = "/ui/users"
_USER = f"{USERS}/{{}}"
_MOST_GROUPS = 100  # more than anybody can be in
# What the page of a user tells beside how it stands: of the user, and of each group that it is in.
_OF_USER = (
    "iam:GetUser",
    "iam:GetAccessKeyLastUsed",
    "iam:ListGroupsForUser",
    "iam:ListAttachedUserPolicies",
    "iam:ListUserPolicies",
    "iam:GetUserPolicy",
)
_OF_GROUP = ("iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies")


@dataclass(frozen=True, slots=True)
class _Deed:
    """What a form does: by the name of the operation of the administration, at its place under the users.

    *ended* is what the sign-in page says to whoever does it to their own user, whose session it ends; None where it
    ends none. What *locks_out* is asked about first.
    """

    place: str
    event: Event
    do: Callable[[Transaction, User], object]
    ended: Ended | None = None
    locks_out: bool = False


def _end_sessions(tx: Transaction, user: User) -> int:
    return end_sign_ins(tx, confirm_bearer(tx.connection, user).unique_id)


_DEEDS: Final[Mapping[str, _Deed]] = MappingProxyType(
    {
        "UnlockUser": _Deed("unlock", Event.USER_UNLOCK, lambda tx, user: locks.unlock(tx, user=user)),
        "RequirePasswordChange": _Deed(
            "require-password-change",
            Event.PASSWORD_CHANGE_REQUIRE,
            lambda tx, user: login_profiles.require_change(tx, owner=user),
            ended=Ended.TO_CHANGE,
        ),
        "RequireUserFactor": _Deed(
            "require-factor",
            Event.FACTOR_REQUIRE,
            lambda tx, user: factor_requirements.require_factor(tx, subject=user),
        ),
        "ReleaseUserFactor": _Deed(
            "release-factor",
            Event.FACTOR_RELEASE,
            lambda tx, user: factor_requirements.release_factor(tx, subject=user),
        ),
        "EndUserSessions": _Deed("end-sessions", Event.USER_SESSIONS_END, _end_sessions, ended=Ended.EVERYWHERE),
        "DisableUser": _Deed(
            "disable",
            Event.USER_DISABLE,
            lambda tx, user: revocations.disable(tx, principal=user),
            ended=Ended.DISABLED,
            locks_out=True,
        ),
        "EnableUser": _Deed("enable", Event.USER_ENABLE, lambda tx, user: revocations.enable(tx, principal=user)),
    }
)


@dataclass(frozen=True, slots=True)
class _Member:
    """A user, and the groups that it is in."""

    user: User
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class UserPages:
    """The list of users, the page of one, and its forms."""

    links: SignInLinks
    sessions: BrowserSessions
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        find = find_named(BearerKind.USER)
        link = f"{USERS}/create-link/{{}}"
        return (
            show("ShowUsers", USERS, Event.USER_LIST, find=find_list("user"), demands=_demand_states, run=self._list),
            show("ShowUser", _USER, Event.USER_READ, find=_find_member, demands=_demand_user, run=self._show),
            administer(
                "CreateSignInLink", link, Event.SIGN_IN_LINK_CREATE, find=find, run=self._create_link, back=_USER
            ),
            *(
                administer(name, f"{USERS}/{deed.place}/{{}}", deed.event, find=find, run=_run(deed), back=_USER)
                for name, deed in _DEEDS.items()
            ),
        )

    async def _list(self, visit: Visit, _target: Target) -> Answer:
        asked, now, account_id = parse_asked(visit), self.clock.now(), visit.caller.account_id
        visit.entry.parameters = {"containing": asked.containing, "after": asked.after}
        found = await visit.read(
            lambda connection: list_user_states(
                connection, account_id, now, after=asked.after, limit=LIMIT, containing=asked.containing
            )
        )
        states, after = cut(found, lambda state: state.user.name)
        return Shown("users.html", {"states": states, "after": after, "asked": asked, "now": now})

    async def _show(self, visit: Visit, target: Target) -> Answer:
        return Shown("user.html", await visit.read(partial(self._read, get_noun(target))))

    def _read(self, member: _Member, connection: Connection) -> Mapping[str, Any]:
        user, now = member.user, self.clock.now()
        details = find_details(connection, [user.unique_id, *(group.unique_id for group in member.groups)])
        return {
            "state": find_user_state(connection, user, now),
            "factor_required": factor_requirements.is_factor_required(
                connection, account_id=user.account_id, owner_id=user.unique_id
            ),
            "sessions": self.sessions.list_live(connection, user.unique_id),
            "logins": list_live(connection, user.unique_id, now),
            "now": now,
            "groups": [(group.name, details[group.unique_id]) for group in member.groups],
            **describe_borne(details[user.unique_id]),
        }

    async def _create_link(self, visit: Visit, target: Target) -> Answer:
        visit.entry.parameters = {"name": visit.rest}
        user = get_noun(target)
        minted = await visit.change(lambda tx: self.links.create(tx, owner=user))
        return Shown("new-link.html", {"user": user, "url": minted.url, "expires_at": minted.link.expires_at})


def _run(deed: _Deed) -> Run:
    """Return what does *deed* on the user of the address, and leads back to the page, which shows what became of it."""

    async def run(visit: Visit, target: Target) -> Answer:
        visit.entry.parameters = {"name": visit.rest}
        user: User = get_noun(target)
        is_own = user.unique_id == visit.caller.unique_id
        if is_own and deed.locks_out and visit.find("sure") != "yes":
            visit.recording.leave_out()
            return Shown("disable-self.html", {"name": user.name})
        await visit.change(lambda tx: deed.do(tx, user))
        if is_own and deed.ended is not None:
            return Moved(render_address(deed.ended), (take_back(SESSION_COOKIE),))
        return Moved(f"{USERS}/{user.name}")

    return run


async def _find_member(visit: Visit) -> Target:
    """Return the user that the address names, if there is one, with its groups."""
    found = await find_named(BearerKind.USER)(visit)
    if found.noun is None:
        return found
    user: User = found.noun
    groups = await visit.read(lambda connection: list_groups_of(connection, user.unique_id, None, _MOST_GROUPS))
    return replace(found, noun=_Member(user, groups))


def _demand_states(visit: Visit, _target: Target) -> tuple[Demand, ...]:
    return (demand_user_states(visit),)


def _demand_user(visit: Visit, target: Target) -> tuple[Demand, ...]:
    groups = () if target.noun is None else target.noun.groups
    return (
        *(demand_on(visit, action, target) for action in _OF_USER),
        demand_user_states(visit),
        *(demand_on(visit, action, Target(group.arn)) for group in groups for action in _OF_GROUP),
    )
