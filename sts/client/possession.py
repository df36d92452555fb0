"""The client's half of proofs of possession (DPoP, RFC 9449): what it is given is of no use without its key."""

import json
from datetime import datetime

from sts.crypto.jwk import SigningKey, render_jwk
from sts.crypto.jws import sign_jws

ALGORITHM = "ES256"


def prove_possession(key: SigningKey, url: str, *, jti: str, now: datetime) -> str:
    """Return a proof for one POST to *url*; *jti* names it, and no other."""
    claims = {"htm": "POST", "htu": url, "iat": int(now.timestamp()), "jti": jti}
    header = {"typ": "dpop+jwt", "jwk": render_jwk(key.verification_key())}
    return sign_jws(header, json.dumps(claims).encode("ascii"), key)
