"""What a stranger may have sent, as a person reads it."""


def show(value: object) -> str:
    """Return *value* for a person to read, `-` for None.

    What a stranger sent (a user agent, a name) may hold characters that move the cursor or turn the line around, and
    would let a record show something else than it says.
    """
    text = "-" if value is None else str(value)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
