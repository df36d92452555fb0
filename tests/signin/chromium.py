"""Chromium, as people use it: what is found is found by its label, and what a page says is looked at."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.signin.people import Person

WIDTHS = (390, 1280)
_HEIGHT = 844
_HEAVIEST = 30 * 1024


@dataclass
class Window:
    """A window, and what its pages complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def path(self) -> str:
        return "/" + self.page.url.partition("//")[2].partition("/")[2].partition("?")[0]

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    def open(self, address: str) -> None:
        self.page.goto(address)

    def fill(self, **fields: str) -> None:
        """Fill in fields by their labels, words joined by an underscore."""
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    def press(self, name: str) -> None:
        """Press the button of this name, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        """Follow the link of this name, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name).first.click()

    def enter_password(self, person: Person) -> None:
        self.open(origin_of(person) + "/ui/")
        self.fill(Account=person.account_id, User_name=person.name, Password=person.password)
        self.press("Sign in")

    def sign_in(self, person: Person) -> None:
        self.enter_password(person)
        if person.device is not None:
            self.fill(Code=person.code())
            self.press("Go on")

    def look(self, axe: str) -> list[str]:
        """Return what axe finds on the page, at each width, in light and dark."""
        found = []
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                self.page.set_viewport_size({"width": width, "height": _HEIGHT})
                self.page.emulate_media(color_scheme=scheme)
                found += [f"{self.path} {width} {scheme}: {each}" for each in self._run_axe(axe)]
                wide: int = self.page.evaluate("document.documentElement.scrollWidth")
                found += [f"{self.path}: {wide} px wide at {width}"] if wide > width else []
        weight = self._weigh()
        return [*found, f"{self.path} weighs {weight} bytes"] if weight > _HEAVIEST else found

    def take_pictures(self, folder: Path, name: str) -> None:
        """Keep what the page looks like at each width."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": _HEIGHT})
            # What can be scrolled is painted only where it is in sight.
            tall: int = self.page.evaluate("document.documentElement.scrollHeight")
            self.page.set_viewport_size({"width": width, "height": tall})
            self.page.screenshot(path=folder / f"{name}-{width}.png")

    def _weigh(self) -> int:
        """Return how many bytes the page and its stylesheet are, without pictures."""
        page = re.sub(r'src="data:[^"]*"', "", self.page.content())
        style = self.page.evaluate("document.querySelector('link[rel=stylesheet]').href")
        return len(page.encode()) + len(self.page.request.get(style).body())

    def _run_axe(self, axe: str) -> list[str]:
        # Evaluated by the debugger, whom no Content-Security-Policy holds up: the page itself runs no script.
        self.page.evaluate(axe)
        result: dict[str, Any] = self.page.evaluate("axe.run()")
        assert result["passes"], "axe looked at nothing"
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in result["violations"]]


def origin_of(person: Person) -> str:
    """Return where a browser finds the service: it takes `Secure` cookies from localhost, by plain http too."""
    return person.service.url.replace("127.0.0.1", "localhost")


@contextmanager
def open_window(chromium: Browser, *, java_script_enabled: bool = True) -> Iterator[Window]:
    """Open a window with a cookie jar of its own, in English, at the first of the widths."""
    context = chromium.new_context(
        viewport={"width": WIDTHS[0], "height": _HEIGHT}, locale="en-GB", java_script_enabled=java_script_enabled
    )
    window = Window(context.new_page())
    window.page.on(
        "console", lambda message: window.complaints.append(message.text) if message.type == "error" else None
    )
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    yield window
    context.close()
