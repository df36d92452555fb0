"""People who sign in: users with a password that they chose, some with a device."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from sts.crypto.totp import encode_seed, step_at
from sts.directory.factor_requirements import require_factor
from sts.directory.login_profiles import choose_password, create_login_profile
from sts.directory.mfa_devices import MfaDevices
from sts.directory.users import Users
from sts.foundation import Foundation, lay_foundation
from sts.hashing import PasswordHasher
from sts.model import User
from sts.store.database import Transaction
from tests.authenticator import Authenticator
from tests.service import Service
from tests.signin.browsing import Browser, Seen

PASSWORD = "correct horse battery staple"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Person:
    """A user, and what they know and hold."""

    service: Service
    user: User
    password: str = field(repr=False)
    device: Authenticator | None = None

    @property
    def account_id(self) -> str:
        return self.user.account_id

    @property
    def name(self) -> str:
        return self.user.name

    def code(self, steps: int = 0) -> str:
        """Return what the device shows now, or so many steps later."""
        assert self.device is not None
        return self.device.code(self.service.clock.now(), steps)

    def enter_password(self, browser: Browser, to: str = "") -> Seen:
        """Enter account, name and password on the first page, and return where that leads."""
        page = browser.get("/ui/sign-in" + (f"?to={to}" if to else ""))
        return browser.go(page, "/ui/sign-in", account=self.account_id, user=self.name, password=self.password)

    def sign_in(self, steps: int = 0) -> tuple[Browser, Seen]:
        """Sign in in a browser of one's own, and return it with the page that it shows then."""
        browser = Browser(self.service)
        seen = self.enter_password(browser)
        if self.device is not None:
            seen = browser.go(seen, "/ui/sign-in/code", code=self.code(steps))
        assert seen.path == "/ui/", seen.html
        return browser, seen


@contextmanager
def opened(service: Service) -> Iterator[Foundation]:
    """Open the store of *service* as an operator on its host does."""
    at = lay_foundation(service.settings, service.clock, service.entropy)
    yield at
    at.database.close()


def change(service: Service, work: Callable[[Foundation, Transaction], _T]) -> _T:
    """Change the store of *service*."""
    with opened(service) as at:
        result, _ = at.database.transact_now(lambda tx: work(at, tx), service.clock.now())
    return result


def make_person(
    service: Service,
    account_id: str,
    name: str = "alice",
    *,
    password: str = PASSWORD,
    with_device: bool = False,
    is_first_password: bool = False,
    must_enrol: bool = False,
) -> Person:
    """Make a user who can sign in."""

    def make(at: Foundation, tx: Transaction) -> tuple[User, Authenticator | None]:
        user = Users(at.entropy).create(tx, account_id=account_id, name=name)
        kept = _in_thread(PasswordHasher(at.keyring, at.entropy).hash(password))
        if is_first_password:
            create_login_profile(tx, owner=user, password=kept, reset_required=False)
        else:
            choose_password(tx, owner=user, password=kept)
        if must_enrol:
            require_factor(tx, subject=user)
        return user, _enrol(at, tx, user) if with_device else None

    user, device = change(service, make)
    return Person(service, user, password, device)


def _enrol(at: Foundation, tx: Transaction, user: User) -> Authenticator:
    """Enable a device for *user* a minute ago: all codes that it may show now are left."""
    seed, ago = at.entropy.totp_seed(), replace(tx, now=tx.now - timedelta(minutes=1))
    enrol = MfaDevices(at.entropy, at.keyring).enrol
    enrol(ago, owner=user, name=f"{user.name}-phone", seed=seed, step=step_at(ago.now))
    return Authenticator(encode_seed(seed))


def _in_thread(work: Coroutine[Any, Any, _T]) -> _T:
    """Do *work* in a thread of its own: that of Chromium has an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
