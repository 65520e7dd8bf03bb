"""The digest of a body, written and checked in both header forms; it reads no signature."""

import hashlib
import hmac
import re
from functools import lru_cache

from fedi_cluster.federation.signatures.structured import (
    MAX_FIELD,
    Item,
    decode_base64,
    encode_bytes,
    parse_dictionary,
    written_base64,
)
from fedi_cluster.kernel.errors import Malformed, Unauthenticated

_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MEMBER = re.compile(r"([A-Za-z0-9-]{1,40})=([\x21-\x2b\x2d-\x7e]*)")


_SLICE = 2047


def _digest(algorithm: str, body: bytes) -> bytes:
    """In slices: for more bytes at once hashlib lets other threads run, and waits long for its next turn."""
    view = memoryview(body)
    made = _ALGORITHMS[algorithm](view[:_SLICE])
    for begin in range(_SLICE, len(view), _SLICE):
        made.update(view[begin : begin + _SLICE])
    return made.digest()


@lru_cache(maxsize=16)  # one body goes to many
def digest_header(body: bytes) -> str:
    """The value of `Digest` (RFC 3230): one algorithm, upper case, as every server reads it."""
    return _usual(body)


def _usual(body: bytes) -> str:
    return "SHA-256=" + written_base64(_digest("sha-256", body))


@lru_cache(maxsize=16)
def content_digest_header(body: bytes) -> str:
    """The value of `Content-Digest` (RFC 9530)."""
    return _usual_content(body)


def _usual_content(body: bytes) -> str:
    return "sha-256=" + encode_bytes(_digest("sha-256", body))


def check_digest(value: str, body: bytes) -> None:
    """Does a `Digest` header fit the body?

    Every SHA-256 and SHA-512 in it must match and at least one must be there; other algorithms are
    passed over. Raises `Malformed` (unreadable) or `Unauthenticated` (another body, or none we compute).
    """
    if len(value) > MAX_FIELD:
        raise Malformed("The Digest header is too long.")
    if value == _usual(body):  # as nearly always
        return
    claims: list[tuple[str, bytes]] = []
    for part in value.split(","):
        found = _MEMBER.fullmatch(part.strip(" \t"))
        if found is None:
            raise Malformed("The Digest header cannot be read.")
        algorithm = found.group(1).lower()
        if algorithm in _ALGORITHMS:
            claims.append((algorithm, decode_base64(found.group(2))))
    _compare("Digest", claims, body)


def check_content_digest(value: str, body: bytes) -> None:
    """Does a `Content-Digest` header fit the body? As `check_digest`, in the form of RFC 9530."""
    if value == _usual_content(body):  # as nearly always
        return
    claims: list[tuple[str, bytes]] = []
    for algorithm, member in parse_dictionary(value).items():
        if not isinstance(member, Item) or not isinstance(member.value, bytes):
            raise Malformed("The Content-Digest header cannot be read.")
        if algorithm in _ALGORITHMS:
            claims.append((algorithm, member.value))
    _compare("Content-Digest", claims, body)


def _compare(header: str, claims: list[tuple[str, bytes]], body: bytes) -> None:
    if not claims:
        raise Unauthenticated(f"The {header} header needs a sha-256 or sha-512 digest.")
    fits = [hmac.compare_digest(claimed, _digest(algorithm, body)) for algorithm, claimed in claims]
    if not all(fits):
        raise Unauthenticated(f"The {header} header does not fit the body.")
