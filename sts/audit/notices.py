"""What the owner of credentials should hear of, because it may not have been them: told once its record is durable.

A notice is a line of the log, whatever the log's level, for whoever carries it to its owner (mail, chat), and a number.
It says what happened to whom, by whom and from where; no secret is in it.
"""

from collections.abc import Mapping
from enum import StrEnum

import structlog

from sts.audit.events import NOTICE_LOGGER, Event, Outcome
from sts.audit.record import Entry
from sts.telemetry.meters import Meters


class Notice(StrEnum):
    """What is told."""

    FACTOR_CHANGED = "factor-changed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  no password
    LINK_MADE = "link-made"  # by which a password can be set
    SIGN_IN_AFTER_FAILURES = "sign-in-after-failures"


_BY_EVENT: Mapping[Event, Notice] = {
    Event.MFA_DEVICE_ENABLE: Notice.FACTOR_CHANGED,
    Event.MFA_DEVICE_DEACTIVATE: Notice.FACTOR_CHANGED,
    Event.RECOVERY_CODES_CREATE: Notice.FACTOR_CHANGED,
    Event.LOGIN_PROFILE_CREATE: Notice.PASSWORD_CHANGED,
    Event.LOGIN_PROFILE_UPDATE: Notice.PASSWORD_CHANGED,
    Event.LOGIN_PROFILE_DELETE: Notice.PASSWORD_CHANGED,
    Event.PASSWORD_CHANGE: Notice.PASSWORD_CHANGED,
    Event.PASSWORD_CHANGE_REQUIRE: Notice.PASSWORD_CHANGED,
    Event.SIGN_IN_LINK_CREATE: Notice.LINK_MADE,
}

_FAILURES = 5  # wrong passwords and codes in a row, before the right ones

_log = structlog.get_logger(NOTICE_LOGGER)


def find_notice(entry: Entry) -> Notice | None:
    """Return what is to be told of a thing that was recorded; None of most."""
    if entry.outcome is not Outcome.DONE:
        return None
    if entry.event is Event.BROWSER_SESSION_BEGIN and entry.parameters.get("failures", 0) >= _FAILURES:
        return Notice.SIGN_IN_AFTER_FAILURES
    return _BY_EVENT.get(entry.event)


def tell_owner(entry: Entry, meters: Meters) -> None:
    """Tell of what was recorded, if it is to be told."""
    notice, caller = find_notice(entry), entry.caller
    if notice is None or caller is None:
        return
    meters.count_notice(notice)
    _log.info(
        f"notice.{notice}",
        about=entry.pairs[0][1] if entry.pairs else caller.principal_arn,
        by=caller.arn,
        record=f"{entry.event}.{entry.outcome}",
        account_id=caller.account_id,
        address=entry.address,
        user_agent=entry.user_agent,
        at=entry.at.isoformat(),
        request_id=entry.request_id,
    )
