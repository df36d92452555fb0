"""Administrators who are signed in, and others who are not allowed to be any."""

import json
from typing import Any
from urllib.parse import quote

from tests.service import Service, Tenant, allow
from tests.signin.browsing import Browser
from tests.signin.people import make_person

# Where the forms about a user stand, and which operation of the administration each does.
DEEDS = {
    "create-link": "CreateSignInLink",
    "unlock": "UnlockUser",
    "require-password-change": "RequirePasswordChange",
    "require-factor": "RequireUserFactor",
    "release-factor": "ReleaseUserFactor",
    "end-sessions": "EndUserSessions",
    "disable": "DisableUser",
    "enable": "EnableUser",
}


def make_administrator(
    service: Service, tenant: Tenant, policy: str | None = allow("*"), name: str = "boss"
) -> Browser:
    """Sign somebody in who has *policy* alone."""
    person = make_person(service, tenant.account_id, name)
    if policy is not None:
        service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=policy)
    browser, _ = person.sign_in()
    return browser


def records(service: Service, tenant: Tenant, **filters: str) -> list[dict[str, Any]]:
    """Return the account's audit records, the latest first."""
    filters = {"order": "newest", **filters}
    query = "&".join(f"{name}={quote(filters[name], safe='')}" for name in sorted(filters))
    reply = service.send(tenant.key, method="GET", path="/api/audit/records", query=query)
    told: list[dict[str, Any]] = json.loads(reply.body)["records"]
    return told
