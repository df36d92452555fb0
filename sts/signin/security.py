"""What protects pages in a browser: headers, cookies, and that a form was sent from the page it stands on.

A form carries a token, a MAC over what the browser's cookie holds: another site cannot read it, another session or an
earlier step has another. Beside it the browser's own word counts, where it gives one: `Origin` and `Sec-Fetch-Site`.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from sts.errors import FormStale, SealBroken, TransportInsecure
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp, verify_stamp
from sts.signin.answer import Cookie

_LABEL = b"page-form"
_STALE = "This form is out of date. Nothing was changed: please go back to the page and send it again."
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_YEAR = 31_536_000  # seconds
_SWITCHED_OFF = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "payment",
    "usb",
)
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # Without a path: that of a link is a secret, as is a query with a code, and proxies log Referer. With none at all a
    # form's Origin would be null.
    ("referrer-policy", "strict-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", ", ".join(f"{feature}=()" for feature in _SWITCHED_OFF)),
)


@dataclass(frozen=True, slots=True)
class FormTokens:
    """Makes the tokens of forms, and verifies them."""

    keyring: Keyring

    def mint(self, bound_to: str) -> str:
        """Return the token of every form that is shown to the bearer of the cookie value *bound_to*."""
        return base64.urlsafe_b64encode(make_stamp(self.keyring, Purpose.MARKER, _LABEL, bound_to.encode())).decode(
            "ascii"
        )

    def verify(self, token: str, bound_to: str) -> None:
        """Raise FormStale unless *token* was made for the bearer of *bound_to*."""
        if not bound_to:
            raise FormStale(_STALE, detail="the browser shows no cookie")
        try:
            stamp = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
            verify_stamp(self.keyring, Purpose.MARKER, _LABEL, bound_to.encode(), stamp)
        except (ValueError, SealBroken):
            raise FormStale(_STALE, detail="the form's token is missing, or was made for another cookie") from None


def require_private(scope: Scope) -> None:
    """Raise TransportInsecure unless the request came by https, or never left this host; its body is not read.

    By its address alone a proxy that has forgotten to say that its client came by plain http would be taken for this
    host: it passes on the name that the client knows the service by.
    """
    if scope["scheme"] == "https":
        return
    client = scope.get("client")
    host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    if client is None or not _is_loopback(client[0]) or host not in _LOOPBACK:
        raise TransportInsecure("Signing in is possible by https only. Please use the address that begins with https.")


def require_same_origin(scope: Scope) -> None:
    """Raise FormStale when the browser says that another site sends the form."""
    headers = Headers(scope=scope)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin != f"{scope['scheme']}://{headers.get('host', '')}":
        raise FormStale(_STALE, detail="the form was sent from another origin")
    if site not in {None, "same-origin"}:
        raise FormStale(_STALE, detail="the form was sent from another site")


def protect(scope: Scope, form_action: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Return the headers of a page whose forms may lead to our own origin and to those of *form_action*."""
    yield from _HEADERS
    forms = " ".join(("'self'", *form_action))
    yield "content-security-policy", f"{_POLICY}; form-action {forms}"
    if scope["scheme"] == "https":
        yield "strict-transport-security", f"max-age={_YEAR}"


def render_cookie(cookie: Cookie) -> str:
    """Return the header that sets *cookie*: for this host alone, by https alone (or loopback), and for no script."""
    lasts = "" if cookie.seconds is None else f"; Max-Age={cookie.seconds}"
    return f"{cookie.name}={cookie.value}; Path=/; Secure; HttpOnly; SameSite=Lax{lasts}"


def read_cookies(headers: Headers) -> Mapping[str, str]:
    """Return the cookies of a request; of two of one name neither: one was planted by somebody."""
    found: dict[str, str] = {}
    twice = set()
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name in found:
                twice.add(name)
            found[name] = value
    return {name: value for name, value in found.items() if name not in twice}


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
