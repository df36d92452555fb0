"""URLs that name several hosts, as addresses of stores and caches do: `scheme://user@a:1,[::1]:2/rest?options`."""

import re
from urllib.parse import SplitResult, urlsplit

_AUTHORITY = re.compile(r"[^/?#]*")
# To the last @ of all, wherever it stands: a password may hold what should have been percent-encoded.
_LOGIN = re.compile(r"(://[^:@/?#]*:).*@", re.DOTALL)
_SECRET_OPTION = re.compile(r"([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)


def split_url(url: str) -> SplitResult:
    """Split *url*; its netloc may name several hosts. Raises ValueError when a bracket of a host is not closed.

    The standard library takes one host only: where another stands before a bracket, some of its versions refuse it.
    """
    scheme, mark, rest = url.partition("://")
    found = _AUTHORITY.match(rest)
    authority = found[0] if found else ""
    if authority.count("[") != authority.count("]"):
        raise ValueError("a bracket is not closed")
    return urlsplit(f"{scheme}{mark}host{rest.removeprefix(authority)}")._replace(netloc=authority)


def mask_url(url: str) -> str:
    """Return *url* with `***` for its password and for what options such as `sentinel_password` hold.

    Of a URL that is not of its form more may be masked, and never less.
    """
    return _SECRET_OPTION.sub(r"\1***", _LOGIN.sub(r"\1***@", url))
