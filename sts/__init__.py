"""An identity and security-token service that every AWS SDK already knows how to talk to.

Whatever the protocol, a request is one sentence: prove who you are, decide whether you may, do it, record that it
happened. The house, from the ground up; imports point down, and who stands on one floor does not know its neighbours:

    words      clock, entropy, errors, limits, tags, arn, model, passwords: time, randomness, refusals, bounds, nouns;
               exports (credentials as shells take them), parameters (what lists are asked with);
               telemetry/ (numbers that every room may count in)
    pure       crypto/ (signatures, seals, SigV4) and policy/ (the IAM policy language): values in, values out
    resources  keyring/ (keys that never leave it), store/ (SQL, and the snapshot of it), cache, egress/ (fetches from
               hosts that strangers named)
    shared     coherence (what one process wrote is read back at once on every other), issuers/ (keys of other issuers)
    judges     evaluator (weighs the policies of a caller), audit/ (records before the answer leaves)
    verbs      access (decide), credentials (mint and open), identity_tokens (who somebody is, for strangers),
               sessions/ (of browsers, and sign-ins under way), then
               authn/ (prove), assume (become a role), directory/ (change the nouns, by the rules);
               logins/ (of command lines) stands on all of these
    fronts     aws/ (the Query protocol), oauth/ (key sets), signin/ (pages), api/ (our own administration), health/:
               translate only
    around     upkeep (chores beside requests), tracing/ (puts every part into a span, when a receiver is named)
    root       foundation opens keys, store and cache, app puts all parts together, settings says with what,
               serving/ keeps its connections within limits and ends it without a lost answer,
               cli/ is the `sts` command; client/ is the other side and knows the service only through HTTP

For resource servers there is `sts.verify`: it verifies a session token offline. Its names and the refusals it raises
are also found here, imported when they are first asked for; nothing else of the package is public.
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
