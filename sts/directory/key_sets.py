"""What an uploaded key set, or a list of CAs, may be; it is judged at once, and not when a token needs it."""

import json
import ssl
from collections.abc import Collection, Mapping
from typing import Any

from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import VerificationKey, parse_jwk, render_jwk
from sts.errors import InputInvalid, KeyMalformed, Malformed
from sts.providers import ALGORITHMS

_LENGTH = 65_536  # characters
_MOST_KEYS = 100
# RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2: what is nobody's but the provider's.
_SECRETS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


def verify_key_set(document: str, algorithms: Collection[str]) -> str:
    """Return the keys of a JWKS *document* that are for signatures, as a document with nothing else.

    Raises InputInvalid when a key is weak, broken or secret, when a token could not say which of two it means, or when
    none is for one of *algorithms*.
    """
    keys = [key for key in map(_parse_key, _parse_entries(document)) if key is not None]
    if not any(key.algorithms.keys() & set(algorithms) for key in keys):
        raise InputInvalid(f"The key set has no key for {', '.join(algorithms)}.")
    for name in ALGORITHMS:
        kids = [key.kid for key in keys if name in key.algorithms]
        if len(kids) > 1 and (None in kids or len(set(kids)) < len(kids)):
            raise InputInvalid(f"The key set has several keys for {name}: give each a kid of its own.")
    return json.dumps({"keys": [render_jwk(key) for key in keys]})


def verify_authorities(document: str) -> str:
    """Return *document* when it is certificates of CAs in PEM, and nothing else; raises InputInvalid."""
    if len(document) > _LENGTH:
        raise InputInvalid(f"The certificates are longer than {_LENGTH} characters.")
    if "PRIVATE KEY" in document:
        raise InputInvalid("The certificates hold a private key: make another, this one was sent around.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=document)
    except (ssl.SSLError, ValueError):
        raise InputInvalid("The certificates are not in PEM, or broken.") from None
    if not context.cert_store_stats()["x509_ca"]:
        raise InputInvalid("The certificates hold none of a CA.")
    return document


def _parse_entries(document: str) -> list[Any]:
    if len(document) > _LENGTH:
        raise InputInvalid(f"The key set is longer than {_LENGTH} characters.")
    try:
        entries = parse_json_object(document.encode()).get("keys")
    except (Malformed, UnicodeEncodeError):
        raise InputInvalid("The key set is not a JSON object in UTF-8 without repeated members.") from None
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_KEYS:
        raise InputInvalid(f"The key set has a member keys with 1 to {_MOST_KEYS} keys.")
    return entries


def _parse_key(entry: object) -> VerificationKey | None:
    """Return the key, None when it is for encryption; raises InputInvalid."""
    if not isinstance(entry, dict):
        raise InputInvalid("The key set has a key that is no JSON object.")
    called = json.dumps(entry.get("kid"))[:80]
    if any(name in entry for name in _SECRETS):
        raise InputInvalid(f"The key set holds a secret, in the key {called}: make another, this one was sent around.")
    try:
        return parse_jwk(entry)
    except KeyMalformed as fault:
        if _is_for_other_uses(entry):
            return None
        raise InputInvalid(f"The key set has a key that is not taken, {called}: {fault.message}.") from None


def _is_for_other_uses(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations)
