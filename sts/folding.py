"""Names that are one whatever the case of their letters: the one way to compare them."""

_KELVIN, _DOTTED = "\ud885", "\ud886"  # no valid text holds them
_UPPER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """Return *text* with its ASCII letters in lower case.

    `str.lower` would turn the Kelvin sign into k, and a name that is not `kms:…` into one that is.
    """
    return text.lower() if text.isascii() else text.translate(_UPPER)


def fold_letters(text: str) -> str:
    """Return *text* in lower case, as long as it was, where no character from outside ASCII becomes one of ASCII.

    Only two would: the Kelvin sign and the dotted capital I. A capital sigma is one small letter wherever it stands.
    """
    if text.isascii():
        return text.lower()
    kept = text.replace("\u212a", _KELVIN).replace("\u0130", _DOTTED).replace("\u03a3", "\u03c3")
    return kept.lower().replace(_KELVIN, "\u212a").replace(_DOTTED, "\u0130")
