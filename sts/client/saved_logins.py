"""Logins kept in the user's own folder, one for each service, where every command finds them.

Processes that find the credentials near their end take turns: the first refreshes them, the others read what it wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import URLLib3Session

from sts.client.private_files import PrivateFiles, parse_instant
from sts.client.signin import Login, SignIn
from sts.clock import SystemClock
from sts.crypto.jwk import parse_private_jwk, render_private_jwk
from sts.entropy import Entropy
from sts.errors import LoginEnded, Malformed, Refusal, Unavailable

METHOD = "sts-login"
_AHEAD = timedelta(minutes=5)  # credentials are refreshed when no more is left of their life
_INSTANTS = ("expires_at", "ends_at")
_OF_ANOTHER_TYPE = (*_INSTANTS, "key")


@dataclass(frozen=True, slots=True)
class SavedLogins:
    """The logins in a folder, by the address of their service."""

    files: PrivateFiles

    def find(self, endpoint: str) -> Login | None:
        """Return the login at *endpoint*; raises Refusal when its file is not to be trusted."""
        told = self.files.read(endpoint)
        return None if told is None else _parse(told)

    def find_only(self) -> Login | None:
        """Return the login of the one service that there is a login at, None when there are none or several."""
        told = self.files.read_only()
        return None if told is None else _parse(told)

    def save(self, login: Login) -> None:
        """Keep *login* in the place of any other at its service."""
        with self.files.turn(login.endpoint):
            self.files.write(login.endpoint, _render(login))

    def remove(self, endpoint: str) -> bool:
        """Forget the login at *endpoint*, and say whether there was one."""
        with self.files.turn(endpoint):
            return self.files.remove(endpoint)

    def refresh(self, sign_in: SignIn) -> Login:
        """Return the login at the service of *sign_in* with credentials that last; raises Refusal kin.

        While the service cannot be asked, those go on that are not over yet. A login that has ended is forgotten.
        """
        with self.files.turn(sign_in.endpoint):
            login = self.find(sign_in.endpoint)
            if login is None:
                raise LoginEnded(f"Nobody is signed in at {sign_in.endpoint}: run `sts login`")
            left = login.expires_at - sign_in.clock.now()
            return login if left > _AHEAD else self._renew(sign_in, login, left)

    def _renew(self, sign_in: SignIn, login: Login, left: timedelta) -> Login:
        try:
            renewed = sign_in.refresh(login)
        except LoginEnded:
            self.files.remove(login.endpoint)
            raise
        except Unavailable:
            if left <= timedelta(0):
                raise
            return login
        self.files.write(login.endpoint, _render(renewed))
        return renewed


@dataclass(frozen=True, slots=True)
class LoginCredentials:
    """The credentials of a login, refreshed ahead of need."""

    logins: SavedLogins
    sign_in: SignIn

    @property
    def method(self) -> str:
        """Where they are from."""
        return METHOD

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return credentials that last; raises Refusal kin."""
        login = self.logins.refresh(self.sign_in)
        return ReadOnlyCredentials(login.access_key_id, login.secret_access_key, login.session_token)

    def find_holder(self) -> str:
        """Return what this login is told from any other by, of the same user too; raises Refusal kin."""
        login = self.logins.refresh(self.sign_in)
        return f"{login.arn} until {login.ends_at.isoformat()}"


def open_logins(folder: Path) -> SavedLogins:
    """Return the logins below *folder*, which is the user's own."""
    return SavedLogins(PrivateFiles(folder / "logins"))


def find_credentials(logins: SavedLogins, endpoint: str, sender: URLLib3Session) -> LoginCredentials | None:
    """Return the credentials of the login at *endpoint*, None where there is none; raises Refusal kin."""
    if logins.find(endpoint) is None:
        return None
    return LoginCredentials(logins, SignIn(endpoint, sender, SystemClock(), Entropy()))


def _render(login: Login) -> Mapping[str, Any]:
    told = {each.name: getattr(login, each.name) for each in fields(login) if each.name not in _OF_ANOTHER_TYPE}
    instants = {name: getattr(login, name).isoformat() for name in _INSTANTS}
    return {**told, **instants, "key": render_private_jwk(login.key)}


def _parse(told: Mapping[str, Any]) -> Login:
    texts = dict(told)
    try:
        key = parse_private_jwk(texts.pop("key"))
        instants = {name: parse_instant(texts.pop(name)) for name in _INSTANTS}
        members: dict[str, Any] = {**texts, **instants}
        return Login(**members, key=key)
    except (ValueError, KeyError, TypeError, AttributeError, Malformed):
        raise Refusal("What is kept of the login is damaged: run `sts login` with --endpoint-url") from None
