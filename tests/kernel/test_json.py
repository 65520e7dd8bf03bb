"""Strangers' JSON is read strictly: whatever two readers could read as two documents is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.kernel.errors import Malformed
from fedi_cluster.kernel.json import MAX_DEPTH, MAX_MEMBERS, MAX_STRING, dumps, parse_object

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_we_write_is_read_as_it_was(document: dict[str, object]) -> None:
    raw = dumps(document)
    read = parse_object(raw)
    assert read == document
    assert list(read) == list(document)
    assert dumps(read) == raw


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0d8e1. -', max_size=40).map(str.encode))
def test_no_bytes_upset_the_reader(raw: bytes) -> None:
    try:
        parse_object(raw)
    except Malformed:
        return


def nested(depth: int, inner: str, open_: str = '{"a":', close: str = "}") -> bytes:
    """`inner` within `depth` containers in all (it is none itself)."""
    return (open_ * depth + inner + close * depth).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"1", b'"x"', b"null", b"{", b"{}{}", b"{'a':1}", b'{"a":1,}', b"\xff\xfe{}",
        b"\xef\xbb\xbf{}", "{}".encode("utf-16"),
        b'{"a":1,"a":1}', b'{"b":[{"a":1,"\\u0061":2}]}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":[-1e999]}',
        b'{"a":9223372036854775808}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}', b'{"\\udfff":1}', b'{"a":["x\\ude00\\ud83d"]}',
        nested(MAX_DEPTH + 1, "1"), nested(MAX_DEPTH, "{}"), nested(100_000, "1"),
        b'{"a":' + nested(50_000, "1", "[", "]") + b"}",
        nested(1, f'"{"x" * (MAX_STRING + 1)}"'), b'{"' + b"x" * (MAX_STRING + 1) + b'":1}',
        nested(1, f"[{','.join('1' * (MAX_MEMBERS + 1))}]"),
    ],
)  # fmt: skip
def test_what_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_object(raw)


@pytest.mark.parametrize(
    "raw",
    [
        nested(MAX_DEPTH, "1"), nested(MAX_DEPTH - 1, "[]"), nested(1, f'"{"x" * MAX_STRING}"'),
        b'{"a":"\\ud83d\\ude00"}', b'{"a":9223372036854775807}', b' {"a" : 1} ', b'{"a":1,"b":{"a":1}}',
        nested(1, f"[{','.join('1' * (MAX_MEMBERS - 1))}]"),
    ],
)  # fmt: skip
def test_the_last_that_is_taken(raw: bytes) -> None:
    assert parse_object(raw) == json.loads(raw)
