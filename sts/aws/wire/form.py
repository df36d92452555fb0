"""application/x-www-form-urlencoded, read strictly (WHATWG URL Standard, section 5, less its leniency).

A proof is made over the bytes of a request and a decision over what was read from them, so two readers must never
differ about a form: whatever could be read in two ways is refused.
"""

import re
from binascii import a2b_qp
from typing import TypeAlias

from sts.errors import ParameterRepeated, QueryMalformed

Form: TypeAlias = dict[str, str]

MAX_PARAMETERS = 500
_SHOWN_NAME = 128
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_form(raw: bytes) -> Form:
    """Parse the body or query *raw* into names and values; an empty one has none.

    Raises QueryMalformed for bad UTF-8, a broken percent escape, NUL, more than 500 parameters, a pair without `=` and
    a pair without a name; ParameterRepeated for a name that is given twice.
    """
    if not raw:
        return {}
    if raw.count(b"&") >= MAX_PARAMETERS:
        raise QueryMalformed(f"The query has more than {MAX_PARAMETERS} parameters")
    # A percent sign always begins an escape, so that these three bytes mean NUL wherever they stand.
    if b"\0" in raw or b"%00" in raw:
        raise QueryMalformed("The query contains a NUL character")
    try:
        return _parse_pairs(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise QueryMalformed("The query is not valid UTF-8") from None


def _parse_pairs(text: str) -> Form:
    if "%" in text and _BROKEN_ESCAPE.search(text):
        raise QueryMalformed("The query contains a broken percent escape")
    form: Form = {}
    for pair in text.split("&"):
        name, equals, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, value = _decode(name), _decode(value)
        if not name or not equals:
            raise QueryMalformed("The query contains a parameter without a name or without an equals sign")
        if name in form:
            raise ParameterRepeated(f"The parameter {name[:_SHOWN_NAME]} is given more than once")
        form[name] = value
    return form


def _decode(text: str) -> str:
    """Undo the encoding of *text*, whose escapes are known to be whole.

    Escapes become those of quoted-printable, which the standard library decodes in C: a megabyte of nothing but escapes
    takes two milliseconds instead of a hundred. As every `=` is itself escaped first, none can be a soft line break.
    """
    spaced = text.replace("+", " ")
    if "%" not in spaced:
        return spaced
    return a2b_qp(spaced.replace("=", "=3D").replace("%", "=").encode()).decode("utf-8")
