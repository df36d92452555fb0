"""Where the browser brings the answer: an address of this machine alone, while one sign-in lasts (RFC 8252)."""

import html
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from sts.client.signin import Question
from sts.errors import Malformed, Refusal, Unavailable

PATIENCE = timedelta(minutes=10)  # as long as the service holds a question open
_PATH = "/oauth/callback"
_PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>sts login</title><p>{}</p></html>"
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",  # the address holds the code
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Callback(HTTPServer):
    """Waits on a free port of the loopback address for the answer to one question."""

    timeout = 1.0  # seconds between two looks at the time

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._question: Question | None = None
        self._code: str | None = None
        self._refusal: Refusal | None = None

    @property
    def redirect_uri(self) -> str:
        """The address of this machine that the browser is sent back to."""
        return f"http://127.0.0.1:{self.server_port}{_PATH}"

    def wait(self, question: Question, patience: timedelta = PATIENCE) -> str:
        """Return the code that the browser brings; raises Refusal when the answer is no, Unavailable without any."""
        self._question = question
        end = time.monotonic() + patience.total_seconds()
        while self._code is None:
            if self._refusal is not None:
                raise self._refusal
            if time.monotonic() >= end:
                raise Unavailable("Nobody signed in while the page was open: run `sts login` again")
            self.handle_request()
        return self._code

    def take(self, target: str) -> tuple[int, str]:
        """Take what a browser asks for; return the status, and what the person is told."""
        parts = urlsplit(target)
        if parts.path != _PATH or self._question is None:
            return 404, "There is nothing here."
        try:
            self._code = self._question.read_answer(parts.query)
        except Malformed as stranger:  # whoever sent it: the person's own answer may still come
            return 400, f"{stranger.message}."
        except Refusal as refusal:
            self._refusal = refusal
            return 400, "You are not signed in: the terminal says why."
        return 200, "You are signed in. Close this page and go back to the terminal."


class _Handler(BaseHTTPRequestHandler):
    """One request of a browser."""

    server: Callback
    timeout = 5  # seconds for its head: a program that connects and says nothing holds nobody up

    def do_GET(self) -> None:
        """Answer with a word for the person."""
        status, words = self.server.take(self.path)
        page = _PAGE.format(html.escape(words)).encode("utf-8")
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_words: Any) -> None:
        """Say nothing: the address holds the code."""
