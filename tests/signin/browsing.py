"""A browser without a picture: it keeps cookies, follows where it is led, and sends forms as they stand on the page.

What a browser never sends, a test has to: for that each part of a request can be set. Real Chromium walks through the
same pages in `test_chromium.py`.
"""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import httpx2

from tests.service import Service, default_tls

ORIGIN = "http://localhost"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.actions: list[str] = []
        self.inputs: list[dict[str, str]] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
            self.actions.append(given.get("action", ""))
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "input":
            self.inputs.append(given)
            self.forms[-1][given.get("name", "")] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@dataclass(frozen=True)
class Seen:
    """An answer: a page, or where it leads."""

    path: str
    status: int
    headers: httpx2.Headers
    html: str
    cookies_set: tuple[str, ...]

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._read().text).split())

    @property
    def inputs(self) -> list[dict[str, str]]:
        return self._read().inputs

    @property
    def links(self) -> list[str]:
        return self._read().links

    def form(self, action: str) -> dict[str, str]:
        """Return the fields of the form that leads to *action*, as they stand on the page."""
        read = self._read()
        assert action in read.actions, self.html
        return dict(read.forms[read.actions.index(action)])

    def actions(self) -> list[str]:
        return self._read().actions

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        return reader


@dataclass
class Browser:
    """Cookies, and a service to send them to."""

    service: Service
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return self.service.url.replace("127.0.0.1", "localhost")

    def copy(self) -> "Browser":
        """Return another browser that was given the same cookies."""
        return replace(self, cookies=dict(self.cookies))

    def ask(self, method: str, path: str, *, form: dict[str, str] | None = None, **more: Any) -> Seen:
        """Send one request, and keep the cookies of its answer."""
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | self.headers
        if method == "POST":
            headers |= {"origin": self.origin, "sec-fetch-site": "same-origin"}
        headers = {name: value for name, value in (headers | more.pop("headers", {})).items() if value}
        with httpx2.Client(trust_env=False, verify=default_tls()) as client:
            answer = client.request(method, self.origin + path, data=form, headers=headers, **more)
        cookies_set = tuple(answer.headers.get_list("set-cookie"))
        for cookie in cookies_set:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return Seen(path, answer.status_code, answer.headers, answer.text, cookies_set)

    def get(self, path: str) -> Seen:
        """Open a page and follow where it leads."""
        seen = self.ask("GET", path)
        for _ in range(5):
            if seen.status != 303:
                return seen
            seen = self.ask("GET", seen.location)
        raise AssertionError(f"led on and on, now to {seen.location}")

    def send(self, page: Seen, action: str, **fields: str) -> Seen:
        """Send the form of *page* with *fields* filled in; what it answers is not followed."""
        return self.ask("POST", action, form=page.form(action) | _named(fields))

    def go(self, page: Seen, action: str, **fields: str) -> Seen:
        """Send the form of *page* and follow where its answer leads."""
        seen = self.send(page, action, **fields)
        return self.get(seen.location) if seen.status == 303 else seen


def _named(fields: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in fields.items()}
