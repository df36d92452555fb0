"""What a page shows of a new authenticator: its key as a picture and as text."""

import asyncio
import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from sts.crypto.qr import draw_qr_code
from sts.crypto.totp import encode_seed, render_uri
from sts.model import Secret

_GROUP = 4  # characters of the key, as it is typed


async def describe_seed(seed: bytes, *, name: str, account_id: str, issuer: str) -> Mapping[str, str]:
    """Return `picture`, an address of the QR code itself, and `seed`, of a device of *name* in the account."""
    text = Secret(encode_seed(seed))
    uri = render_uri(text, name=f"{name}@{account_id}", issuer=urlsplit(issuer).hostname or "")
    png = await asyncio.to_thread(draw_qr_code, uri)
    picture = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return {"picture": picture, "seed": " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))}
