"""Recovery codes as text: what stands in for a second factor that was lost (NIST SP 800-63B-4, look-up secrets).

A code is 80 bits in Crockford's base32, which has no letters that are taken for digits, in four groups of four.
"""

import base64
import re

from sts.errors import Malformed

CODE_BYTES = 10
LABEL = b"recovery code"  # what their MACs are for
_RFC_4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITTEN = str.maketrans(_RFC_4648, _CROCKFORD)
_READ = str.maketrans("OIL", "011")  # how these are taken for digits
_FORM = re.compile(f"[{_CROCKFORD}]{{16}}")
_LONGEST = 64  # characters as typed, with whatever stands between
_GROUP = 4


def render_code(drawn: bytes) -> str:
    """Return the code of ten random bytes, such as `2C5T-0V8K-M3ZR-9WQH`."""
    text = base64.b32encode(drawn).decode("ascii").translate(_WRITTEN)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def parse_code(typed: str) -> str:
    """Return the sixteen characters of a code, however it was typed; raises Malformed for what is none."""
    # What is not ASCII is refused as it is: some of it becomes ASCII in upper case.
    if len(typed) > _LONGEST or not typed.isascii():
        raise Malformed("That is no recovery code")
    code = re.sub(r"[\s-]", "", typed).upper().translate(_READ)
    if not _FORM.fullmatch(code):
        raise Malformed("That is no recovery code")
    return code


def bind_code(owner_id: str, code: str) -> bytes:
    """Return what is authenticated of a code: that it is this owner's."""
    return f"{owner_id}/{code}".encode("ascii")
