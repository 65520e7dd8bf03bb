"""Structured field values (RFC 9651) as far as signatures need them; what is unusual it refuses.

Dictionaries of items and inner lists; strings, integers, tokens, bytes and booleans. Decimals, dates and
display strings appear in no signature, so they are `Malformed`, as are duplicates: two readers could
choose differently.
"""

import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass

from fedi_cluster.kernel.errors import Malformed

MAX_FIELD = 8_192

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_SPACES = re.compile(r" *")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_BOOLEAN = re.compile(r"\?([01])")


class Token(str):
    """A bare word: not the same value as the string of the same letters."""

    __slots__ = ()


Bare = str | Token | int | bytes | bool
Parameters = tuple[tuple[str, Bare], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A value with its parameters, in the order in which they came."""

    value: Bare
    parameters: Parameters = ()

    def __str__(self) -> str:
        return write_bare(self.value) + write_parameters(self.parameters)


@dataclass(frozen=True, slots=True)
class InnerList:
    """A list in parentheses with its parameters."""

    items: tuple[Item, ...]
    parameters: Parameters = ()

    def __str__(self) -> str:
        return "(" + " ".join(str(item) for item in self.items) + ")" + write_parameters(self.parameters)


def parse_dictionary(text: str) -> dict[str, Item | InnerList]:
    """A dictionary field (its lines joined by a comma); raises `Malformed`."""
    if len(text) > MAX_FIELD:
        raise Malformed("A signature header is too long.")
    text = text.strip(" \t")
    members: dict[str, Item | InnerList] = {}
    at = 0
    while at < len(text):
        key, at = _read_key(text, at)
        if key in members:
            raise Malformed("A signature header names a member twice.", detail=key)
        member: Item | InnerList
        if text[at : at + 1] != "=":
            parameters, at = _read_parameters(text, at)
            member = Item(True, parameters)
        elif text[at + 1 : at + 2] == "(":
            member, at = _read_inner_list(text, at + 2)
        else:
            member, at = _read_item(text, at + 1)
        members[key] = member
        if at == len(text):
            break
        comma = _COMMA.match(text, at)
        if comma is None or comma.end() == len(text):
            raise _unreadable(at)
        at = comma.end()
    return members


def decode_base64(text: str) -> bytes:
    """Standard base64 in its only canonical form; raises `Malformed`.

    Strict, because a replay is recognised by its signature's text: no second spelling may exist.
    """
    try:
        decoded = a2b_base64(text)
    except ValueError as error:
        raise Malformed("A signature header holds something that is not base64.") from error
    # This finds strange characters, too, which the reader passes over.
    if written_base64(decoded) != text:
        raise Malformed("A signature header holds something that is not base64.", detail="not canonical")
    return decoded


def written_base64(value: bytes) -> str:
    """Standard base64 in its canonical form."""
    return b2a_base64(value, newline=False).decode("ascii")


def encode_bytes(value: bytes) -> str:
    """A byte sequence: base64 between colons."""
    return f":{written_base64(value)}:"


def write_bare(value: Bare) -> str:
    """A bare item in its canonical form."""
    if isinstance(value, bool):
        return "?1" if value else "?0"
    if isinstance(value, bytes):
        return encode_bytes(value)
    if isinstance(value, Token | int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_parameters(parameters: Parameters) -> str:
    """Parameters in their canonical form; a true one is its bare name."""
    return "".join(f";{key}" if value is True else f";{key}={write_bare(value)}" for key, value in parameters)


def _unreadable(at: int) -> Malformed:
    return Malformed("A signature header cannot be read.", detail=f"structured field, character {at}")


def _read_key(text: str, at: int) -> tuple[str, int]:
    found = _KEY.match(text, at)
    if found is None:
        raise _unreadable(at)
    return found.group(), found.end()


def _read_item(text: str, at: int) -> tuple[Item, int]:
    value, at = _read_bare(text, at)
    parameters, at = _read_parameters(text, at)
    return Item(value, parameters), at


def _read_bare(text: str, at: int) -> tuple[Bare, int]:
    if found := _STRING.match(text, at):
        return re.sub(r"\\(.)", r"\1", found.group(1)), found.end()
    if found := _INTEGER.match(text, at):
        return int(found.group()), found.end()
    if found := _BYTES.match(text, at):
        return decode_base64(found.group(1)), found.end()
    if found := _TOKEN.match(text, at):
        return Token(found.group()), found.end()
    if found := _BOOLEAN.match(text, at):
        return found.group(1) == "1", found.end()
    raise _unreadable(at)


def _read_parameters(text: str, at: int) -> tuple[Parameters, int]:
    read: dict[str, Bare] = {}
    while text[at : at + 1] == ";":
        spaces = _SPACES.match(text, at + 1)
        key, at = _read_key(text, spaces.end() if spaces else at + 1)
        if key in read:
            raise Malformed("A signature header names a parameter twice.", detail=key)
        value: Bare = True
        if text[at : at + 1] == "=":
            value, at = _read_bare(text, at + 1)
        read[key] = value
    return tuple(read.items()), at


def _read_inner_list(text: str, at: int) -> tuple[InnerList, int]:
    items: list[Item] = []
    while True:
        spaces = _SPACES.match(text, at)
        start = spaces.end() if spaces else at
        if text[start : start + 1] == ")":
            parameters, end = _read_parameters(text, start + 1)
            return InnerList(tuple(items), parameters), end
        if items and start == at:
            raise _unreadable(at)
        item, at = _read_item(text, start)
        items.append(item)
