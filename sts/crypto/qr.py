"""QR codes: what an authenticator reads with its camera."""

import io

import segno

_PIXELS = 6  # of a module: a phone reads it from a screen at arm's length


def draw_qr_code(text: str) -> bytes:
    """Return a PNG of *text*; it takes about ten milliseconds."""
    png = io.BytesIO()
    segno.make_qr(text, error="m").save(png, kind="png", scale=_PIXELS)
    return png.getvalue()
