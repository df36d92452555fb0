"""An identity and security-token service that every AWS SDK already knows how to talk to.

For resource servers: `from sts.verify import verify`. The names of `sts.verify` and the refusals of `sts.errors` are
also found here, and are imported when they are first asked for.
"""

import importlib
from typing import Any

_FROM = {
    "KeySet": "sts.verify",
    "KeyUnknown": "sts.errors",
    "Malformed": "sts.errors",
    "Refusal": "sts.errors",
    "SessionClaims": "sts.verify",
    "TokenExpired": "sts.errors",
    "TokenInvalid": "sts.errors",
    "TokenMalformed": "sts.errors",
    "parse_key_set": "sts.verify",
}

__all__ = [
    "KeySet",
    "KeyUnknown",
    "Malformed",
    "Refusal",
    "SessionClaims",
    "TokenExpired",
    "TokenInvalid",
    "TokenMalformed",
    "parse_key_set",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: whoever wants no cryptography does not pay for it."""
    if name == "verify":
        return importlib.import_module("sts.verify")
    if name in _FROM:
        return getattr(importlib.import_module(_FROM[name]), name)
    raise AttributeError(f"module 'sts' has no attribute {name!r}")
