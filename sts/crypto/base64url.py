"""Base64url as RFC 7515 section 2 wants it: no padding, no blanks, and no second spelling of the same bytes."""

import binascii

from sts.errors import Malformed

# The characters of plain base64 that base64url lacks become one that no decoder takes.
_TO_PLAIN = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")

# By length modulo four: what completes the last group, and the last characters that leave no bit unused.
_PADDING = (b"", None, b"==", b"=")
_ENDINGS = (None, None, frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))


def encode_base64url(raw: bytes) -> str:
    """Return *raw* in base64url without padding."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode("ascii")


def parse_base64url(text: bytes) -> bytes:
    """Return the bytes that *text* spells; raises Malformed unless it is their only spelling.

    Unused bits that are not zero would give one token many texts, and so a way around whatever remembers texts.
    """
    rest = len(text) % 4
    padding, endings = _PADDING[rest], _ENDINGS[rest]
    if padding is None or (endings is not None and text[-1] not in endings):
        raise Malformed("The value is not base64url without padding")
    try:
        return binascii.a2b_base64(text.translate(_TO_PLAIN) + padding, strict_mode=True)
    except binascii.Error:
        raise Malformed("The value is not base64url without padding") from None
