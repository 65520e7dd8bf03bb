"""Single values of foreign JSON: terms, texts, references, times and numbers in all their spellings.

Nothing here raises on any JSON value and nothing follows a reference: what cannot be read is absent
(federation.md 2.11). Contexts are neither read nor fetched; terms are known by their usual names.
"""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

from fedi_cluster.federation.vocab.uris import PUBLIC, identifier, is_public
from fedi_cluster.kernel.addresses import NAMESPACE
from fedi_cluster.kernel.json import MAX_STRING, Json
from fedi_cluster.kernel.languages import normal_tag

MAX_NAME = 2_048
MAX_REFERENCES = 1_000
MAX_LANGUAGES = 60
_USUAL_TERM = 200  # longer ones are not kept, because strangers choose them

_ALIASES = {"@id": "id", "@type": "type"}
_DROPPED = frozenset({"@context", "@graph", "@included", "@reverse"})
_PREFIXES = ("as:", "toot:", "sc:", "schema:", "litepub:")
_NAMESPACES = (
    "https://www.w3.org/ns/activitystreams#",
    "http://www.w3.org/ns/activitystreams#",
    "http://joinmastodon.org/ns#",
    "http://schema.org/",
    "http://schema.org#",
    "https://schema.org/",
    "http://litepub.social/ns#",
)
# controls but line feed and tab; NUL is refused by PostgreSQL, lone surrogates by UTF-8
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# marks that turn the direction of what follows (threats XSS-012)
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.,]{2,30}(Z|z|[+-]\d\d(:?\d\d)?)?)?")


def short(name: str) -> str:
    """A term or type without the prefix or namespace of a vocabulary that we know."""
    return (_usual_short if len(name) <= _USUAL_TERM else _short)(name)


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    for namespace in _NAMESPACES:
        if name.startswith(namespace):
            return name[len(namespace) :]
    if name.startswith(NAMESPACE):
        return "creative:" + name[len(NAMESPACE) :]
    return name


_usual_short = lru_cache(maxsize=1024)(_short)


def terms(document: Json) -> Json:
    """The members of one level under their short names, without nulls and JSON-LD machinery.

    A bare name beats a prefixed one; `id` beside a different `@id` (and `type` beside `@type`) is a
    contradiction, and neither is kept.
    """
    odd = [key for key, value in document.items() if value is None or ":" in key or key[:1] == "@"]
    if not odd:
        return document
    found = document.copy()
    for key in odd:
        del found[key]
    for key in odd:
        value = document[key]
        if value is None or key in _DROPPED:
            continue
        if key in _ALIASES:
            name = _ALIASES[key]
            if found.setdefault(name, value) != value:
                del found[name]
        elif ":" in key:
            found.setdefault(short(key), value)
    return found


def as_object(value: object) -> Json | None:
    """The value, or the first object in a list, with short names; None where there is no object."""
    for item in as_list(value):
        if isinstance(item, dict):
            return terms(cast(Json, item))
    return None


def as_list(value: object) -> list[object]:
    """The value as a list: JSON-LD writes a list of one without brackets; `@list` and `@set` are opened."""
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("@list", value.get("@set", value))
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def clean(text: str, limit: int = MAX_STRING) -> str:
    """The text without control characters, cut to `limit` characters."""
    return _CONTROLS.sub("", text[:limit]) if _CONTROLS.search(text) else text[:limit]


def text(value: object, limit: int = MAX_STRING) -> str | None:
    """A text from a string, a `@value` object, or the first such in a list; cut, without controls."""
    if isinstance(value, str):  # as nearly always
        return clean(value, limit)
    for item in as_list(value):
        inner = item.get("@value") if isinstance(item, dict) else item
        if isinstance(inner, str):
            return clean(inner, limit)
    return None


def plain(value: object, limit: int = MAX_NAME) -> str | None:
    """A name on one line: like `text`, without marks of direction and outer blanks; None where empty."""
    found = text(value, limit)
    return " ".join(_DIRECTION.sub("", found).split()) or None if found is not None else None


def texts(members: Json, term: str, limit: int = MAX_STRING) -> dict[str, str]:
    """A text by language in the order sent: from `termMap`, a map under `term`, or `@language` values."""
    found: dict[str, str] = {}
    for source in (members.get(term + "Map"), members.get(term)):
        for item in () if source is None or isinstance(source, str) else as_list(source):
            if not isinstance(item, dict):
                continue
            pairs = [(item.get("@language"), item)] if "@value" in item else item.items()
            for key, value in pairs:
                tag = normal_tag(key) if isinstance(key, str) else None
                said = text(value, limit)
                if tag is not None and said is not None and len(found) < MAX_LANGUAGES:
                    found.setdefault(tag, said)
    return found


def title(members: Json, limit: int = MAX_NAME) -> str | None:
    """`name` on one line, else the first of `nameMap`."""
    return plain(members.get("name"), limit) or plain(list(texts(members, "name", limit).values())[:1], limit)


def types(members: Json) -> tuple[str, ...]:
    """All types of a document by short names (`toot:Emoji` is Emoji), at most ten."""
    return tuple(short(item)[:200] for item in as_list(members.get("type"))[:10] if isinstance(item, str))


def reference(value: object) -> str | None:
    """The http(s) id that a value names: a string, an object's `id`, a Link's `href`, or the first in a list.

    The public collection comes back in its full spelling.
    """
    if isinstance(value, str):  # as nearly always
        return PUBLIC if is_public(value) else identifier(value)
    if value is None:
        return None
    return next(iter(references(value, limit=1)), None)


def references(value: object, limit: int = MAX_REFERENCES) -> tuple[str, ...]:
    """All ids that a value names, each once, in order, at most `limit`; what is no id is left out."""
    if value is None:
        return ()
    if isinstance(value, str):  # as nearly always
        named = PUBLIC if is_public(value) else identifier(value)
        return () if named is None else (named,)
    found: dict[str, None] = {}
    for item in as_list(value):
        inner: object = item
        if isinstance(item, dict):
            members = terms(cast(Json, item))
            inner = members.get("href") if "Link" in types(members) else members.get("id")
        if isinstance(inner, str):
            named = PUBLIC if is_public(inner) else identifier(inner)
            if named is not None:
                found[named] = None
        if len(found) >= limit:
            break
    return tuple(found)


def page_address(value: object) -> str | None:
    """The address for people in `url`: a string or Link; of several the one that is `text/html`."""
    links: list[tuple[bool, str]] = []
    for item in as_list(value)[:100]:
        if isinstance(item, dict):
            members = terms(cast(Json, item))
            href = identifier(members.get("href")) or identifier(members.get("url"))
            # Mastodon's own documents once said mimeType
            kind = members.get("mediaType", members.get("mimeType"))
            html = isinstance(kind, str) and kind.startswith("text/html")
        else:
            href, html = identifier(item), False
        if href is not None:
            links.append((html, href))
    return next((href for html, href in links if html), links[0][1] if links else None)


def moment(value: object) -> datetime | None:
    """A time in UTC (xsd:dateTime; without an offset it is taken as UTC), None outside 1900-2199."""
    found = local_moment(value)
    return found.astimezone(UTC) if found is not None else None


def local_moment(value: object) -> datetime | None:
    """A time with the offset that was sent, for what happens at a place; None outside 1900-2199."""
    said = text(value, 64)
    return _moment(said) if said is not None else None


@lru_cache(maxsize=256)  # a document names each of its moments several times
def _moment(said: str) -> datetime | None:
    if not said.isascii() or not _MOMENT.fullmatch(said):
        return None
    try:
        found = datetime.fromisoformat(said.upper())
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found if _EARLIEST <= found < _LATEST else None
    except (ValueError, OverflowError):
        return None


def whole(value: object, *, low: int = 0, high: int = 2**53 - 1) -> int | None:
    """An integer within both bounds, also where it was written 5.0; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not low <= value <= high:  # false for NaN
        return None
    return int(value) if value == math.floor(value) else None


def real(value: object, bound: float) -> float | None:
    """A number from -bound to bound; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -bound <= value <= bound else None


def flag(value: object) -> bool:
    """True only where it says true: a string or number is no consent."""
    return value is True
