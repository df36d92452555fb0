"""Which addresses a document may be fetched from (IANA, "Special-Purpose Address Registry" of IPv4 and IPv6).

An address is judged, never its spelling: whatever a URL calls a host, the system's resolver makes an address of it, and
that very address is connected to.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from sts.egress.faults import Fault, FetchFailed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_PRIVATE: tuple[Network, ...] = (
    *_LOOPBACK,
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # shared by a provider's customers (RFC 6598)
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)
# Where clouds hand credentials to whoever asks: nothing there is an identity provider, private or not.
_METADATA: tuple[Network, ...] = (
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("fd00:ec2::/32"),
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NEVER: tuple[Network, ...] = (
    *_METADATA,
    IPv4Network("0.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),  # link-local, and most metadata services
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.0.2.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    # These hide an IPv4 address that another router would make of them: Teredo and 6to4. (Mapped addresses and NAT64
    # lie outside what is global.)
    IPv6Network("2001::/23"),
    IPv6Network("2002::/16"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)


def verify_address(text: str, *, private: bool, plain: bool) -> str:
    """Return *text*, an address in the resolver's notation, when it may be connected to; raises FetchFailed.

    *private* lets it be on loopback or a private network; where nothing is encrypted (*plain*) it must be on loopback.
    """
    address = ip_address(text.partition("%")[0])  # without the zone, which link-local addresses have
    if not _may_connect(address, private=private):
        raise FetchFailed(Fault.ADDRESS, f"{address} is no public address")
    if plain and not _is_in(address, _LOOPBACK):
        raise FetchFailed(Fault.ADDRESS, f"{address} is not on loopback, and http is for loopback only")
    return str(address)


def _may_connect(address: Address, *, private: bool) -> bool:
    if _is_in(address, _NEVER):
        return False
    if _is_in(address, _PRIVATE):
        return private
    return address.version == 4 or address in _GLOBAL_IPV6  # noqa: PLR2004  the version of IP


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
