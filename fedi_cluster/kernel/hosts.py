"""Host names and addresses in one spelling; it refuses whatever two readers could read as two hosts."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import idna

Address = IPv4Address | IPv6Address
Host = str | IPv4Address | IPv6Address

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[0-9]{1,5}")


def read_host(text: str) -> Host:
    """A host in its one spelling: a lower-case ASCII name (IDNA 2008 with UTS 46), or an address.

    Raises ValueError for an empty label, a trailing dot, `%`, an odd spelling of an IPv4 address
    (`127.1`, `0x7f.0.0.1`, `2130706433`), a zone id, and everything that is no host name (RFC 1123).
    Full-width digits and dots are folded before the checks, so that they cannot hide an address.
    """
    if text.startswith("["):
        if not text.endswith("]") or "%" in text:
            raise ValueError("not an IPv6 address")
        return IPv6Address(text[1:-1])
    name = text.lower()
    if not name.isascii():
        name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    last = name.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        return IPv4Address(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("not a host name")
    return name


def read_authority(text: str) -> tuple[Host, int | None]:
    """A `host[:port]` as (host, port or None); raises ValueError where it is none, or has a user part."""
    split = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]@]*)(?::(.*))?", text)
    if split is None:
        raise ValueError("not a host with an optional port")
    host, port = split.groups()
    if port is None:
        return read_host(host), None
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError("not a port between 1 and 65535")
    return read_host(host), int(port)


def show_host(host: Host) -> str:
    """The host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if isinstance(host, IPv6Address) else str(host)


@lru_cache(maxsize=4096)  # asked for several times with each request
def show_authority(host: Host, port: int | None) -> str:
    """The `host[:port]` as it stands in a URL."""
    return show_host(host) if port is None else f"{show_host(host)}:{port}"


# Second levels under which a country gives names to many: `example.co.uk`, `example.com.pl`.
_SHARED = {"ac", "co", "com", "edu", "gen", "gov", "gob", "gouv", "mil", "net", "nom", "org"}


def registrable(authority: str) -> str:
    """The part of a `host[:port]` that somebody registered: `a.b.example.pl` is of `example.pl`.

    For counting only: without the list of all public suffixes it is a good guess, and whoever shares a suffix
    that it does not know shares a count. An address stands for itself; the port is left out.
    """
    try:
        host, _ = read_authority(authority)
    except ValueError:
        return authority
    if not isinstance(host, str):
        return str(host)
    labels = host.split(".")
    shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3 if shared else -2 :])
