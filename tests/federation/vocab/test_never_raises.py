"""Whatever JSON object comes, every reader answers with a shape; nothing raises (property test)."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedi_cluster.federation.vocab import parse
from fedi_cluster.kernel.json import Json

_SAMPLES = sorted((Path(__file__).resolve().parents[2] / "samples").glob("*/*.json"))
_DOCUMENTS: list[Json] = [json.loads(path.read_text("utf-8")) for path in _SAMPLES]
_MEMBERS: Json = {
    "id": "https://szczecin.example/cluster/members",
    "type": "Collection",
    "attributedTo": "https://szczecin.example/actor",
    "updated": "2026-11-23T08:00:00Z",
    "creative:format": 1,
    "creative:version": 5,
    "items": [
        {
            "type": "Relationship",
            "name": "Rostock",
            "subject": "https://rostock.example/actor",
            "object": "urn:uuid:05e2329a-adc6-5bc3-9de6-85dfc768ad99",
            "updated": "2026-11-10T08:00:00Z",
            "creative:state": "member",
            "creative:key": "z6MkjQtGi9ipvqAfTL17uwTSRHYwBthPYb9vB3S7p7xsRdjN",
            "creative:confirmedBy": "https://szczecin.example/actor",
        }
    ],
}
_READERS: list[Callable[[Json], object]] = [
    parse.activity,
    parse.actor,
    parse.obj,
    parse.collection,
    parse.page,
    parse.member_list,
    parse.keys,
]

_WORDS = """
https://a.example/x as:Public https://[bad https://x@y/ 2026-01-01T00:00:00Z 0001-01-01T00:00:00+23:59
@id id type href url name @value @list Note Person Create Link Emoji PropertyValue Relationship tag:x z6Mk
"""
_words = st.sampled_from([*_WORDS.split(), "\x00", "\ud800"])
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | _words
    | st.text(st.characters(), max_size=20)
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_words | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def _spots(value: object) -> list[tuple[Json | list[object], object]]:
    found: list[tuple[Json | list[object], object]] = []
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            found.extend((here, key) for key in here)
            stack.extend(here.values())
        elif isinstance(here, list):
            found.extend((here, place) for place in range(len(here)))
            stack.extend(here)
    return found


@st.composite
def _mutated(draw: st.DrawFn) -> Json:
    document = copy.deepcopy(draw(st.sampled_from([*_DOCUMENTS, _MEMBERS])))
    for _turn in range(draw(st.integers(1, 5))):
        spots = _spots(document)
        if not spots:
            break
        holder, key = spots[draw(st.integers(0, len(spots) - 1))]
        cast("dict[object, object]", holder)[key] = draw(_values)
    return document


def _read_all(document: Json) -> None:
    before = repr(document)
    for read in _READERS:
        assert read(document) is not None
    inner = document.get("object")
    if isinstance(inner, dict):
        for read in _READERS:
            assert read(inner) is not None
    assert repr(document) == before, "a reader changed the document"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_mutated())
def test_changed_samples(document: Json) -> None:
    _read_all(document)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_words | st.text(max_size=8), _values, max_size=8))
def test_any_object(document: Json) -> None:
    _read_all(document)


def test_deep_nesting_is_not_followed() -> None:
    value: object = "https://a.example/x"
    for _level in range(50_000):
        value = [value]
    document: Json = {"id": "https://a.example/x", "type": "Create", "actor": value, "object": value}
    for read in _READERS:
        assert read(document) is not None
    while isinstance(value, list):  # taken apart by hand: freeing it whole would recurse
        value = value.pop()
