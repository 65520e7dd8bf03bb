"""What a signature can speak of: the facts of one request; it knows no web framework and parses no body."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.lru import remembered

Scheme = Literal["cavage", "rfc9421"]

MAX_URL = 2_048
_USUAL_URL = 300  # longer ones are not kept, because strangers choose them
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_DEFAULT_PORT = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `authority` is lower case, with the port only if it is not the usual one."""

    scheme: str
    authority: str
    path: str
    query: str  # with its `?`, or empty

    @property
    def path_and_query(self) -> str:
        """What stands in the request line."""
        return self.path + self.query

    @property
    def uri(self) -> str:
        """`@target-uri` of RFC 9421: absolute, without fragment."""
        return f"{self.scheme}://{self.authority}{self.path}{self.query}"


def target_of(url: str) -> Target:
    """The parts of an absolute http(s) URL, exactly as they go over the wire.

    Raises `Malformed` for user names, backslashes, control or non-ASCII characters and other schemes:
    what readers take apart differently cannot be signed.
    """
    return (_usual_target if len(url) <= _USUAL_URL else _target)(url)


def _target(url: str) -> Target:
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None or "\\" in url or not _VISIBLE.fullmatch(url):
        raise Malformed("The address is not a plain http(s) URL.", detail=url[:200])
    scheme = found["scheme"].lower()
    port = found["port"]
    authority = found["host"].lower()
    if port is not None and port != _DEFAULT_PORT[scheme]:
        authority += f":{port}"
    return Target(scheme, authority, found["path"] or "/", found["query"] or "")


_usual_target = remembered(1_024, each=500)(_target)


class RequestFacts(NamedTuple):
    """One request as it came; a tuple, since one is made of each and a frozen dataclass costs thrice that.

    `target` is the raw request target (path with query), `headers` the values by their names in lower case
    (decoded as latin-1, repeated lines joined by `, `), `body` the raw bytes, and `uri` the absolute
    address under our *configured* public base URL: what a proxy or a forged header says of host and scheme
    counts not.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    uri: Target

    @classmethod
    def under(
        cls, base_url: str, method: str, target: str, headers: Collection[tuple[str, str]], body: bytes
    ) -> "RequestFacts":
        """The facts of a request to the server with this public base URL; raises `Malformed`.

        `headers` are all lines in their order, names in any case.
        """
        named = {name.lower(): value.strip(" \t") for name, value in headers}
        if len(named) < len(headers):
            named = _joined(headers)
        return cls._under(base_url, method.upper(), target, named, body)

    @classmethod
    def from_wire(
        cls, base_url: str, method: str, target: bytes, headers: Collection[tuple[bytes, bytes]], body: bytes
    ) -> "RequestFacts":
        """The same of a request as ASGI hands it over: bytes, method and names of headers in their case."""
        named = {name.decode("latin-1"): value.decode("latin-1").strip(" \t") for name, value in headers}
        if len(named) < len(headers):
            named = _joined([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        return cls._under(base_url, method, target.decode("latin-1"), named, body)

    @classmethod
    def _under(
        cls, base_url: str, method: str, target: str, named: Mapping[str, str], body: bytes
    ) -> "RequestFacts":
        if not target.startswith("/"):
            raise Malformed("The request names no path.")
        root = target_of(base_url)
        found = target_of(f"{root.scheme}://{root.authority}{target.partition('#')[0]}")
        return cls(method, found.path_and_query, named, body, found)

    def signed_header(self, name: str) -> str:
        """The value of a header that a signature covers; raises `Unauthenticated` if there is none."""
        value = self.headers.get(name)
        if value is None:
            raise Unauthenticated(f"The signature covers the header {name}, which was not sent.")
        if "\n" in value or "\r" in value:
            raise Unauthenticated(f"The header {name} has several lines.")
        return value

    @property
    def needs_digest(self) -> bool:
        """Only a GET or HEAD without body may come without a signed digest."""
        return self.method not in ("GET", "HEAD") or bool(self.body)

    def is_addressed_to_us(self) -> bool:
        """Does the Host header name our public authority? Else it is a delivery to somebody else."""
        host = self.headers.get("host", "").lower()
        usual = ":" + _DEFAULT_PORT[self.uri.scheme]
        return host.removesuffix(usual) == self.uri.authority


def _joined(headers: Collection[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name.lower(), []).append(value.strip(" \t"))
    return {name: ", ".join(values) for name, values in joined.items()}


class Claim(NamedTuple):
    """What a request's signature says of itself, before anything is checked.

    `covered` are the components in their order, `created` and `expires` seconds since 1970 as the
    parameters give them, `parameters` the text that RFC 9421 signs as `@signature-params`.
    """

    scheme: Scheme
    key_id: str
    algorithm: str | None
    covered: tuple[str, ...]
    signature: bytes
    created: int | None
    expires: int | None
    parameters: str = ""


def checked_key_id(key_id: object) -> str:
    """The key id if it is an http(s) URL (whoever fetches it decides on plain http); else 401."""
    if not isinstance(key_id, str):
        raise Unauthenticated("The signature names no key.")
    try:
        target_of(key_id)
    except Malformed as error:
        raise Unauthenticated("The signature names a key that is not an https URL.") from error
    return key_id


def as_bytes(text: str) -> bytes:
    """A signature base as the bytes that were sent; raises `Unauthenticated` for impossible headers."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Unauthenticated("A signed header holds impossible characters.") from error


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware datetime."""
    return int(moment.timestamp())
