"""What an issuer publishes: its metadata (OpenID Connect Discovery 1.0), and the keys that those lead to."""

from dataclasses import dataclass

from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import parse_key_set
from sts.egress.faults import Fault, FetchFailed
from sts.egress.fetching import Allowance, Egress
from sts.errors import KeyMalformed, Malformed
from sts.providers import PrivateProviders, Provider

METADATA_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Source:
    """Where keys come from: an issuer, and what is allowed and trusted on the way.

    Providers that agree in all of it have the same keys, whatever their accounts. One that trusts other CAs has keys of
    its own: whoever names those CAs could answer for the issuer.
    """

    issuer: str
    allowance: Allowance


def find_source(provider: Provider, *, private: PrivateProviders) -> Source:
    """Return where the keys of *provider* come from; *private* bounds whether that may be a private address."""
    settings = provider.settings
    allowance = Allowance(private.let(settings), settings.authorities, provider.thumbprints)
    return Source(provider.issuer, allowance)


async def fetch_key_set(egress: Egress, source: Source) -> bytes:
    """Return the key set that the issuer publishes now, a JWKS document that can be read; raises FetchFailed."""
    document = await egress.fetch(await _fetch_keys_address(egress, source), source.allowance)
    try:
        parse_key_set(document)
    except KeyMalformed as fault:
        raise FetchFailed(Fault.DOCUMENT, f"the keys cannot be read: {fault.message}") from None
    return document


async def _fetch_keys_address(egress: Egress, source: Source) -> str:
    """Return where the issuer's metadata say that its keys are.

    The issuer that they name is compared letter by letter (Discovery, section 4.3): else whoever can put a document
    below a host that others share would speak for all of it.
    """
    metadata = await egress.fetch(source.issuer.rstrip("/") + METADATA_PATH, source.allowance)
    try:
        members = parse_json_object(metadata)
    except Malformed:
        raise FetchFailed(Fault.DOCUMENT, "the metadata are no JSON object") from None
    issuer, address = members.get("issuer"), members.get("jwks_uri")
    if issuer != source.issuer:
        raise FetchFailed(Fault.DOCUMENT, f"the metadata are of another issuer: {str(issuer)[:255]}")
    if not isinstance(address, str):
        raise FetchFailed(Fault.DOCUMENT, "the metadata name no jwks_uri")
    return address
