"""The service's own TLS: certificate and key from files, versions 1.2 and 1.3, ciphers as OpenSSL prefers them."""

import os
import ssl
import stat
from pathlib import Path

from sts.errors import Refusal
from sts.privacy import is_mounted_secret

_OTHERS = 0o077


def load_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what TLS is served with, from PEM files; *certificate* holds the chain, the server's own first.

    Raises Refusal when a file cannot be read, when they do not belong together, and when others can use the key.
    """
    for file in (certificate, key):
        _require_readable(file)
    _require_private(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except ssl.SSLError as error:
        reason = (error.reason or "no PEM file of a certificate and its key").replace("_", " ").lower()
        raise Refusal(f"TLS cannot be served with {certificate} and {key}: {reason}") from error
    return context


def _require_readable(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error


def _require_private(key: Path) -> None:
    with key.open("rb") as opened:
        mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
        if mode & _OTHERS and not is_mounted_secret(opened.fileno()):
            raise Refusal(f"{key} can be used by others (mode {mode:04o}, wanted 0600)")


def _refuse_password() -> str:
    # Without this OpenSSL would ask the terminal, and a service has none.
    raise Refusal("The key of the certificate is encrypted, and there is nobody to ask: use one that is not")
