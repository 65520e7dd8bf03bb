"""Which URLs and addresses may be reached: pure rules; it resolves nothing and connects to nothing.

Every refusal looks alike to a visitor (`NOT_READABLE`), so that nobody can map an inner network by asking us
to fetch; only the log's `detail` tells a refused address from a closed port.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.kernel.hosts import Address, Host, read_authority, show_authority
from fedi_cluster.settings import Network, Settings

NOT_READABLE = "The other server cannot be reached."
MAX_URL = 2000
LOOPBACK = IPv4Address("127.0.0.1")

PORTS = {"https": 443, "http": 80}
# Whatever is_global of some supported Python calls public, or what carries another address inside:
# an inner IPv4 address would pass a check of the outer IPv6 one.
_NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",  # discard
        "2001::/23",  # Teredo and other special uses
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",  # site-local
        "ff00::/8",
    )
)
_OUTSIDE_URL = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed the guard, in one spelling and without fragment."""

    url: str
    scheme: str
    host: Host
    port: int

    @property
    def authority(self) -> str:
        """The `host` or `host:port` as it stands in the URL and in the Host header."""
        return show_authority(self.host, None if self.port == PORTS[self.scheme] else self.port)

    @property
    def origin(self) -> tuple[str, Host, int]:
        """Scheme, host and port: what must be equal for two URLs to be of one server."""
        return self.scheme, self.host, self.port


def check_url(url: str, settings: Settings) -> Target:
    """The `Target` of an absolute URL, or Unreachable (permanent) where we never go.

    Accepted: https on port 443 with a host name of two labels. With `private_networks` also short names and
    `*.localhost` (only if 127.0.0.1 lies in them); with plain http of our own also http, other ports and
    hosts that are addresses, each only within those networks (names are then held to them by
    `check_address`, which knows the port). Refused besides: user parts, and every host that has two readings.
    """
    target = _read(url)
    if isinstance(target, str):
        raise _refusal(url, target)
    reason = _scheme_and_port(target, settings) or _host(target.host, settings)
    if reason is None:
        return target
    raise _refusal(url, reason)


def _read(url: str) -> Target | str:
    if len(url) > MAX_URL:
        return "the URL is too long"
    if _OUTSIDE_URL.search(url):
        return "the URL holds a character that no URL holds"
    try:
        parts = urlsplit(url)
        if parts.scheme not in PORTS:
            return "neither https nor http"
        if "@" in parts.netloc:
            return "a user part in the URL"
        host, port = read_authority(parts.netloc)
        path = quote(parts.path or "/", safe="!$%&'()*+,/:;=@~")
        query = quote(parts.query, safe="!$%&'()*+,/:;=?@~[]")
    except ValueError:  # also half a character (UnicodeEncodeError)
        return "not a host that has one reading"
    default = PORTS[parts.scheme]
    port = default if port is None else port
    authority = show_authority(host, None if port == default else port)
    shown = f"{parts.scheme}://{authority}{path}" + (f"?{query}" if query else "")
    return Target(shown, parts.scheme, host, port)


def _scheme_and_port(target: Target, settings: Settings) -> str | None:
    if target.scheme == "https" and target.port == 443:
        return None
    if not settings.plain_http_allowed:
        return "not https" if target.scheme != "https" else "a port other than 443"
    # On port 443 a public address is welcome, so plain http must not get there.
    return "plain http on port 443" if target.port == 443 else None


def _host(host: Host, settings: Settings) -> str | None:
    if not isinstance(host, str):
        if not settings.plain_http_allowed or not _within(host, settings):
            return "an address instead of a host name"
        return None
    if is_localhost(host):
        return None if _within(LOOPBACK, settings) else "address not allowed: loopback"
    if "." not in host and not settings.private_networks:
        return "a name of the inner network"
    return None


def is_localhost(host: str) -> bool:
    """Whether a normalised name means loopback everywhere and for ever (RFC 6761, 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def check_address(address: str | Address, port: int, settings: Settings) -> None:
    """Returns where a connection to this address and port is allowed, else raises Unreachable.

    An address within `private_networks` is allowed (on ports other than 443 only with plain http of our
    own); every other one must be global unicast and is reached on port 443 alone. Not permanent: a name that
    leads astray today (a captive resolver) may be right tomorrow.
    """
    try:
        found = ip_address(address)
    except ValueError:
        found = None
    if found is None or (isinstance(found, IPv6Address) and found.scope_id is not None):
        raise Unreachable(NOT_READABLE, detail=f"address not allowed: {str(address)[:80]}")
    allowed = port == 443 or settings.plain_http_allowed
    if not _within(found, settings):
        allowed = port == 443 and is_public(found)
    if not allowed:
        raise Unreachable(NOT_READABLE, detail=f"address not allowed: {found} port {port}")


def is_public(address: Address) -> bool:
    """Whether this is one host of the public network, and carries no other address inside."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NEVER)
    )


def _within(address: Address, settings: Settings) -> bool:
    return any(address in network for network in settings.private_networks)


def _refusal(url: str, reason: str) -> Unreachable:
    return Unreachable(NOT_READABLE, permanent=True, detail=f"{reason}: {url[:200]!r}")
