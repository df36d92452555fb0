"""How anything is sent: by botocore's own sender. It follows no redirect: what is sent goes to whom it is meant for."""

from urllib.parse import urlsplit

from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

from sts.errors import Malformed

_TIMEOUT_SECONDS = 30


def normalize_endpoint(endpoint: str) -> str:
    """Return *endpoint* as the service's addresses begin; raises Malformed when it is no address."""
    endpoint = endpoint.rstrip("/")
    if urlsplit(endpoint).scheme not in {"http", "https"} or not urlsplit(endpoint).hostname:
        raise Malformed(f"{endpoint} is not an address such as https://sts.example.com")
    return endpoint


def find_bundle(session: Session) -> str | None:
    """Return the file of the authorities that a service's certificate is verified by; None: the usual ones."""
    bundle: str | None = session.get_config_variable("ca_bundle")
    return bundle


def open_sender(endpoint: str, bundle: str | None) -> URLLib3Session:
    """Return what sends to *endpoint*, whose certificate is verified by *bundle*."""
    proxies = get_environ_proxies(endpoint)
    return URLLib3Session(verify=bundle or True, proxies=proxies, timeout=_TIMEOUT_SECONDS)
