"""JSON of strangers and of ours: strict reading, compact writing; it knows no vocabulary."""

import json
import math
from collections.abc import Iterable
from typing import cast

import orjson

from fedi_cluster.kernel.errors import Malformed

Json = dict[str, object]

MAX_DEPTH = 32
MAX_MEMBERS = 10_000
MAX_STRING = 150_000

_DEEP_LINE = b"\n" + b"  " * MAX_DEPTH


def _no_twins(pairs: Iterable[tuple[str, object]]) -> Json:
    members: Json = {}
    for key, value in pairs:
        if key in members:
            raise Malformed("The document names a member twice.", detail=f"duplicate key {key[:80]!r}")
        members[key] = value
    return members


def _refuse_constant(name: str) -> object:
    raise Malformed("The document holds a number that JSON does not have.", detail=name)


def parse_object(raw: bytes) -> Json:
    """A stranger's JSON object.

    Refuses (`Malformed`) what is not UTF-8 JSON, not an object, names a member twice, nests deeper than
    32, has over 10,000 members, a string over 150,000 characters, NaN, a number beyond 64 bits, or a lone
    surrogate: such a text has no RFC 8785 form, or two readers see two documents (federation.md 2.4, 7).
    """
    containers = raw.count(b"{") + raw.count(b"[")
    if containers > MAX_MEMBERS:
        raise Malformed("The document has too many members.")
    plain = _plain(raw, containers)
    if plain is not None:
        return plain
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise Malformed("The document nests too deeply.") from error
    except ValueError as error:
        raise Malformed("The document is not JSON.", detail=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise Malformed("The document is not a JSON object.")
    _measure(value)
    return cast(Json, value)


def parse_again(raw: bytes) -> Json:
    """What `parse_object` has accepted before and we have kept; raises `Malformed` where it was damaged."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return parse_object(raw)
    return value if isinstance(value, dict) else parse_object(raw)


def _plain(raw: bytes, containers: int) -> Json | None:
    """The document by the quick reader, where nothing in it needs a second look; None says nothing of it.

    What is written again byte for byte as it came names no member twice. The quick reader itself refuses NaN
    and lone surrogates; texts and members that are too many cannot hide in so few bytes and commas.
    """
    if len(raw) > MAX_STRING or (len(raw) > MAX_MEMBERS and raw.count(b",") + containers > MAX_MEMBERS):
        return None
    try:
        value = orjson.loads(raw)
        # Large numbers are left to the other reader, which knows those of 63 bits from longer ones.
        if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) != raw:
            return None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    # Of so few containers not even all inside one another are too deep.
    if not isinstance(value, dict) or (containers > MAX_DEPTH and _may_be_deep(value)):
        return None
    return value


def _may_be_deep(value: Json) -> bool:
    """Whether anything stands as deep as MAX_DEPTH: only there does a line begin with so many blanks."""
    return _DEEP_LINE in orjson.dumps(value, option=orjson.OPT_INDENT_2)


def _measure(root: object) -> None:
    members = 0
    level: list[object] = [root]
    for depth in range(MAX_DEPTH + 1):
        below: list[object] = []
        for value in level:
            if depth == MAX_DEPTH and isinstance(value, dict | list):
                raise Malformed("The document nests too deeply.")
            if isinstance(value, dict):
                members += len(value)
                for key in value:
                    _check_text(key)
                below.extend(value.values())
            elif isinstance(value, list):
                members += len(value)
                below.extend(value)
            elif isinstance(value, str):
                _check_text(value)
            elif (isinstance(value, int) and abs(value) >= 2**63) or (
                isinstance(value, float) and not math.isfinite(value)
            ):
                raise Malformed("The document holds a number that is too large.")
        if members > MAX_MEMBERS:
            raise Malformed("The document has too many members.")
        level = below


def _check_text(text: str) -> None:
    if len(text) > MAX_STRING:
        raise Malformed("The document holds a text that is too long.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Malformed("The document holds half a character.", detail="lone surrogate") from error


def dumps(value: object) -> bytes:
    """Our own document as compact UTF-8 JSON; members keep their order (it is part of what we publish)."""
    return orjson.dumps(value)
