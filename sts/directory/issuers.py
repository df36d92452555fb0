"""What an issuer may be: `https://host[:port][/path]`, in the one spelling that its tokens say (OIDC Core, section 2).

An `iss` is compared as it is written. So what only looks like a registered issuer must not be registered beside it: a
host in another case or alphabet, an address in another notation, a path that a client would shorten.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from sts.errors import InputInvalid

_LENGTH = 255  # IAM API Reference, "CreateOpenIDConnectProvider"
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/:?#@\[\]]+|\[[0-9a-f:.]*\])(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/[^?#]*)?"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-F]{2})+)*/?")
_HOST_LENGTH = 253
_HIGHEST_PORT = 65_535


def verify_issuer(issuer: str, *, may_be_local: bool) -> str:
    """Return *issuer* when it can be one; raises InputInvalid.

    Where it *may_be_local*, plain http is taken too, on loopback.
    """
    parts = _URL.fullmatch(issuer) if len(issuer) <= _LENGTH else None
    if parts is None:
        raise _refuse("It has the form https://host[:port][/path], without a query, in at most 255 characters")
    address = _verify_host(parts["host"])
    is_local = parts["host"] == "localhost" or (address is not None and address.is_loopback)
    if parts["scheme"] == "http" and not (may_be_local and is_local):
        raise _refuse("It begins with https://")
    if int(parts["port"] or 1) > _HIGHEST_PORT:
        raise _refuse("It has a port that there is not")
    if not _PATH.fullmatch(parts["path"] or ""):
        raise _refuse("Its path has segments that a client would shorten, or characters that a path has not")
    return issuer


def _verify_host(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *host* is, None for a name; raises InputInvalid for any spelling but the canonical."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        _verify_name(host)
        return None
    if host != (f"[{address}]" if address.version == 6 else str(address)):  # noqa: PLR2004  the version of IP
        raise _refuse("Its address is not in the usual notation")
    return address


def _verify_name(host: str) -> None:
    labels = host.split(".")
    # A last label of digits is an address in one of the notations that only some readers know (127.1, 0x7f.1).
    if len(host) > _HOST_LENGTH or not all(map(_LABEL.fullmatch, labels)) or labels[-1][0].isdigit():
        raise _refuse("Its host is a name in lower case, other alphabets as xn--, or an address in the usual notation")


def _refuse(reason: str) -> InputInvalid:
    return InputInvalid(f"Invalid Open ID Connect Provider URL. {reason}.")
