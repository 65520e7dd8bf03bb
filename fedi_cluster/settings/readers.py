"""Reads one value of a setting from TOML or from a variable; it refuses (ValueError) and never repairs."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fedi_cluster.kernel.hosts import read_authority, show_authority
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

Network = IPv4Network | IPv6Network
Read = Callable[[object], object]

DEFAULT_PORTS = {"https": 443, "http": 80}


def text(low: int, high: int) -> Read:
    """Reads a text of `low` to `high` characters on one line, without spaces at its ends."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("is not a text")
        clean = value.strip()
        if not low <= len(clean) <= high or not all(letter.isprintable() for letter in clean):
            raise ValueError(f"is not one line of {low} to {high} characters")
        return clean

    return read


def whole(low: int, high: int) -> Read:
    """Reads a whole number from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value.strip()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return value

    return read


def seconds(low: float, high: float) -> Read:
    """Reads a number of seconds from `low` to `high`."""

    def read(value: object) -> float:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value.strip()):
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"is not a number of seconds from {low:g} to {high:g}")
        return float(value)

    return read


def one_of(*choices: str) -> Read:
    """Reads one of the `choices`."""

    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return str(value)

    return read


language = one_of(*PAGE_LANGUAGES)


def slug(value: object) -> str:
    """A short name in addresses: `[a-z0-9-]{1,30}`."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9-]{1,30}", value):
        raise ValueError("is not 1 to 30 small letters a-z, digits and hyphens")
    return value


def public_url(value: object) -> str:
    """The public address in one spelling: scheme and authority, no path and no slash at its end."""
    complaint = "is not a public address: scheme and host alone, without path"
    if not isinstance(value, str) or not value.isprintable() or " " in value or "\\" in value:
        raise ValueError(complaint)
    try:
        parts = urlsplit(value)
        host, port = read_authority(parts.netloc)
    except ValueError as error:
        raise ValueError(complaint) from error
    rest = value.partition("://")[2].removeprefix(parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or rest not in {"", "/"}:
        raise ValueError(complaint)
    return f"{parts.scheme}://{show_authority(host, None if port == DEFAULT_PORTS[parts.scheme] else port)}"


def web_address(value: object) -> str:
    """An address with scheme http or https, a host and a path."""
    complaint = "is not an address that begins with http:// or https://"
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise ValueError(complaint)
    try:
        parts = urlsplit(value)
        read_authority(parts.netloc)
    except ValueError as error:
        raise ValueError(complaint) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(complaint)
    return value


def token(value: object) -> str:
    """A word that can be sent as a bearer token (RFC 6750, 2.1), long enough not to be guessed."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,200}=*", value):
        raise ValueError("is not 16 to 200 letters, digits or -._~+/=")
    return value


def authority(value: object) -> str:
    """A `host[:port]` in one spelling."""
    try:
        return show_authority(*read_authority(value if isinstance(value, str) else ""))
    except ValueError as error:
        raise ValueError("is not a host with an optional port") from error


def bind(value: object) -> str:
    """A `host:port` to listen on; the port is compulsory."""
    try:
        host, port = read_authority(value if isinstance(value, str) else "")
    except ValueError:
        port = None
    if port is None:
        raise ValueError("is not HOST:PORT")
    return show_authority(host, port)


def database_url(value: object) -> str:
    """An address of SQLite (a file) or PostgreSQL; its faults never show it, because it holds a password."""
    if not isinstance(value, str):
        raise ValueError("is not a text")
    scheme, found, rest = value.partition("://")
    if not found or scheme not in {"sqlite", "postgresql", "postgresql+psycopg", "postgres"}:
        raise ValueError("does not begin with sqlite:/// or postgresql://")
    if scheme == "sqlite" and (not rest.startswith("/") or rest in {"/", "/:memory:"}):
        raise ValueError("names no file: sqlite:/// is followed by a path")
    return f"postgresql://{rest}" if scheme == "postgres" else value


def time_zone(value: object) -> str:
    """The name of an IANA time zone that this machine knows."""
    try:
        return ZoneInfo(value if isinstance(value, str) else "").key
    except (ValueError, OSError, LookupError) as error:
        raise ValueError("is not the name of a time zone (IANA)") from error


def networks(value: object) -> tuple[Network, ...]:
    """A list of networks; a text is split at commas (variables have no lists)."""
    entries = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise ValueError("is not a list of networks")
    found: list[Network] = []
    for entry in entries:
        if entry == "":
            continue
        try:
            found.append(ip_network(entry if isinstance(entry, str) else ""))
        except ValueError as error:
            raise ValueError(f"holds {entry!r}, which is not a network ({error})") from error
    return tuple(found)


def private_networks(value: object) -> tuple[Network, ...]:
    """Like `networks`, but refuses one so wide that the guard would mean nothing."""
    found = networks(value)
    for network in found:
        if network.prefixlen < (8 if network.version == 4 else 7):
            raise ValueError(f"holds {network}, which is wider than any private network")
    return found
