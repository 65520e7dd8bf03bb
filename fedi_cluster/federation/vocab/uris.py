"""Addresses of strangers: which texts may be ids, and whether two have one origin; nothing is looked up.

An id is kept byte for byte; only for comparing origins the host is written in its ASCII form. What two
readers could take for different hosts (user info, backslash, blanks, percent signs or foreign dots in the
host) is refused at once.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import urlsplit

import idna

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
MAX_IDENTIFIER = 2_000
_USUAL = 300  # longer ones are not kept, because strangers choose them

_PUBLIC_NAMES = frozenset({PUBLIC, "as:Public", "Public"})
_UNSAFE = re.compile(
    r"[\x00-\x20\x7f-\xa0\\<>\"\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]"
)
_BEGINNING = re.compile(r"https?://[^/?#]+", re.IGNORECASE)
_ASCII_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_OPAQUE = re.compile(r"(tag|urn):[^\s]{1,1990}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_public(uri: str) -> bool:
    """Does this address everybody? In any of its three spellings (ActivityPub 5.6)."""
    return uri in _PUBLIC_NAMES


def origin(uri: str) -> tuple[str, str, int] | None:
    """(scheme, ASCII host in lower case without a last dot, port) of an http(s) URI, else None."""
    return (_usual_origin if len(uri) <= _USUAL else _origin)(uri)


def _origin(uri: str) -> tuple[str, str, int] | None:
    if not 8 <= len(uri) <= MAX_IDENTIFIER or _UNSAFE.search(uri):
        return None
    if not uri.isascii() and len(uri.encode()) > MAX_IDENTIFIER:  # longer than an index of PostgreSQL takes
        return None
    beginning = _BEGINNING.match(uri)
    if beginning is None:
        return None
    return (_usual_beginning if beginning.end() <= _USUAL else _origin_of_beginning)(beginning[0])


def _origin_of_beginning(beginning: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(beginning)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    name = _ascii_host(host, bracketed="[" in parts.netloc)
    if name is None or port == 0:
        return None
    return parts.scheme, name, port or _DEFAULT_PORTS[parts.scheme]


# A document names each of its ids several times; ids are nearly all new, their servers nearly all known.
_usual_origin = lru_cache(maxsize=2_048)(_origin)
_usual_beginning = lru_cache(maxsize=2_048)(_origin_of_beginning)


def _ascii_host(host: str, *, bracketed: bool) -> str | None:
    try:
        if bracketed:
            return None if "%" in host else f"[{IPv6Address(host)}]"
        if not host.isascii():
            if len(host) > 253:
                return None
            # strict: only "." divides labels, so U+3002 and its like are refused
            host = idna.encode(host.lower(), strict=True).decode("ascii")
    except ValueError:  # IDNAError and AddressValueError are both ValueErrors
        return None
    if len(host) > 254 or not _ASCII_HOST.fullmatch(host):
        return None
    return host.removesuffix(".")


def identifier(value: object) -> str | None:
    """The value as an id: an http(s) URI of at most 2,000 characters without user info, else None.

    Limit as in Mitra; refusals answer CVE-2023-42451 (look-alike hosts) and threats ORI-034, ORI-036.
    """
    return value if isinstance(value, str) and origin(value) is not None else None


def opaque_identifier(value: object) -> str | None:
    """Like `identifier`, but also a `tag:` or `urn:` URI: for what is only compared, never fetched."""
    if isinstance(value, str) and len(value) <= MAX_IDENTIFIER and not _UNSAFE.search(value):
        return value if _OPAQUE.fullmatch(value) else identifier(value)
    return None


def same_origin(a: str, b: str) -> bool:
    """Have two ids one origin: scheme, host (IDNA, any case) and port? False where one is no id."""
    first = origin(a)
    return first is not None and first == origin(b)
