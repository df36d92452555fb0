"""The roles that somebody may become, and their temporary credentials in the forms that programs take."""

import re
from dataclasses import dataclass
from datetime import timedelta

from sts.access import Decider, Demand
from sts.assume import Candidate, RoleSessions, Wish, demand_role
from sts.audit.events import Event
from sts.authn.arrival import describe_circumstances
from sts.errors import ParameterInvalid, Refusal
from sts.policy.question import Outcome
from sts.sessions import BrowserSessions
from sts.signin.answer import Answer, Shown
from sts.signin.credentials import render_forms
from sts.signin.errors import render_message
from sts.signin.row import Page, Proof, Target, show_own, take_form
from sts.signin.visit import Visit
from sts.store.roles import list_roles

ROLES = "/ui/roles"
_LOOKED_AT = 50  # roles of the account that one page weighs
_UNFIT = re.compile(r"[^\w+=,.@-]", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/\\-]{2,1224}", re.ASCII)
_LONGEST_ARN = 2_048
# What a person chooses from, below the role's maximum.
_SPANS = (15, 30, 60, 120, 240, 480, 720)  # minutes
_MINUTES = re.compile(r"[1-9][0-9]{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A role that may be assumed, and for how many minutes."""

    arn: str
    name: str
    description: str
    spans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RolePages:
    """The page of one's roles, and the one that shows temporary credentials of one of them."""

    assuming: RoleSessions
    sessions: BrowserSessions
    access: Decider

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        return (
            show_own("ShowRoles", ROLES, self._show, proof=Proof.SESSION),
            take_form(
                "AssumeRole",
                ROLES,
                self._assume,
                event=Event.ROLE_ASSUME,
                proof=Proof.SESSION,
                find=self._find,
                demands=_demand_role,
                back=ROLES,
                retry=self._retry,
            ),
        )

    async def _show(self, visit: Visit, _target: Target) -> Answer:
        return await self._page(visit, "")

    async def _retry(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._page(visit, render_message(refusal))

    async def _page(self, visit: Visit, error: str) -> Shown:
        after = visit.query.get("after", "")
        looked_at = await visit.read(
            lambda connection: list_roles(connection, visit.caller.account_id, "/", after, _LOOKED_AT)
        )
        choices = [
            _Choice(role.arn, role.name, role.description, _spans_up_to(role.max_session_duration))
            for role in looked_at
            if await self._may_assume(visit, role.arn)
        ]
        more = looked_at[-1].name if len(looked_at) == _LOOKED_AT else ""
        typed = {"role": visit.find("role"), "session_name": visit.find("session-name") or _suggest_name(visit)}
        return Shown("roles.html", {"choices": choices, "more": more, "error": error, "spans": _SPANS, **typed})

    async def _may_assume(self, visit: Visit, arn: str) -> bool:
        """Say whether AssumeRole would be allowed: weighed as it would be, and not recorded: nothing is done."""
        candidate = await self.assuming.find(arn)
        demands = _demand(visit, candidate, _suggest_name(visit), "")
        decisions = await self.access.decide(visit.caller, describe_circumstances(visit.scope, visit.entry), demands)
        return candidate.role is not None and all(decision.outcome is Outcome.ALLOWED for decision in decisions)

    async def _find(self, visit: Visit) -> Target:
        """Return the role that is asked for, found or not: a missing one is refused as a forbidden one is."""
        arn = visit.find("role")
        if len(arn) > _LONGEST_ARN:
            raise ParameterInvalid("An ARN has 2,048 characters at most")
        name, external_id = visit.find("session-name"), visit.find("external-id")
        if not _SESSION_NAME.fullmatch(name):
            raise ParameterInvalid("A session name has 2 to 64 characters: letters, digits and _ + = , . @ -")
        if external_id and not _EXTERNAL_ID.fullmatch(external_id):
            raise ParameterInvalid("An external id has 2 to 1,224 characters: letters, digits and _ + = , . @ : / \\ -")
        candidate = await self.assuming.find(arn)
        visit.entry.parameters = {"RoleArn": arn, "RoleSessionName": name}
        return Target(arn, candidate, None if candidate.role is None else candidate.account_id)

    async def _assume(self, visit: Visit, target: Target) -> Answer:
        candidate: Candidate = target.noun
        wish = Wish(session_name=visit.find("session-name"), duration=_parse_span(visit.find("minutes")))
        assumed = await self.assuming.begin(visit.caller, candidate.get_role(), wish)
        visit.entry.made = {
            "Arn": assumed.arn,
            "AssumedRoleId": assumed.userid,
            "AccessKeyId": assumed.credentials.access_key_id,
            "jti": assumed.credentials.jti,
        }
        await visit.change(lambda tx: self.sessions.lend(tx, visit.get_opened()))
        forms = render_forms(assumed.credentials, candidate.get_role().name)
        return Shown(
            "credentials.html",
            {"arn": assumed.arn, "expires_at": assumed.credentials.expires_at, "forms": forms},
        )


def _demand_role(visit: Visit, target: Target) -> tuple[Demand, ...]:
    return _demand(visit, target.noun, visit.find("session-name"), visit.find("external-id"))


def _demand(visit: Visit, candidate: Candidate, session_name: str, external_id: str) -> tuple[Demand, ...]:
    """Return what AssumeRole demands of whom it is asked by."""
    context = {
        "sts:rolesessionname": (session_name,),
        **({"sts:externalid": (external_id,)} if external_id else {}),
    }
    return demand_role(visit.caller, candidate, context, brings_tags=False, source_identity=None)


def _suggest_name(visit: Visit) -> str:
    name = _UNFIT.sub("-", visit.caller.user_name or "root")[:64]
    return name if len(name) > 1 else f"{name}-"


def _spans_up_to(longest: timedelta) -> tuple[int, ...]:
    most = longest // timedelta(minutes=1)
    return *(span for span in _SPANS if span < most), most


def _parse_span(text: str) -> timedelta:
    if not _MINUTES.fullmatch(text) or not _SPANS[0] <= int(text) <= _SPANS[-1]:
        raise ParameterInvalid(f"Credentials are given for {_SPANS[0]} to {_SPANS[-1]} minutes")
    return timedelta(minutes=int(text))
