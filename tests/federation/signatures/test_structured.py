"""The strict reading of structured fields."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.federation.signatures.structured import InnerList, Item, Token, parse_dictionary
from fedi_cluster.kernel.errors import Malformed


def test_reading_and_writing() -> None:
    text = r'sig1=("@method" "a";sf);created=1;keyid="k\"\\";x;t=tok;b=:AAAA:;f=?0, other=-5;q'
    members = parse_dictionary(text)
    assert members["sig1"] == InnerList(
        (Item("@method"), Item("a", (("sf", True),))),
        (("created", 1), ("keyid", 'k"\\'), ("x", True), ("t", Token("tok")), ("b", b"\0\0\0"), ("f", False)),
    )
    assert members["other"] == Item(-5, (("q", True),))
    assert f"sig1={members['sig1']}, other={members['other']}" == text


@pytest.mark.parametrize("text", ['sig=(  "a"   "b" );  x=1', 'sig=("a" "b");x=1'])
def test_spaces_are_written_anew(text: str) -> None:
    assert str(parse_dictionary(text)["sig"]) == '("a" "b");x=1'


@pytest.mark.parametrize(
    "text",
    [
        "A=1", "a=", "a=(", 'a=("b"', 'a=("b""c")', "a=1,", "a=1 b=2", "a=1,,b=2", "a=1, a=2", "a=1.5",
        "a=@5", 'a="', 'a="\\x"', "a=:AB:", "a=:AAB=:", "a=?2", "a=1;B", "a;x=1;x=2", 'a="ż"', "(a)",
        "a=1234567890123456",
        "a" * 9_000,
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_dictionary(text)


SIMPLE = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
BARE = SIMPLE | st.integers(-(10**15) + 1, 10**15 - 1) | st.binary(max_size=20) | st.booleans()
KEYS = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,8}", fullmatch=True)
PARAMETERS = st.dictionaries(KEYS, BARE, max_size=4).map(lambda found: tuple(found.items()))
ITEMS = st.builds(Item, BARE, PARAMETERS)
LISTS = st.builds(InnerList, st.lists(ITEMS, max_size=4).map(tuple), PARAMETERS)


@settings(deadline=None)
@given(KEYS, ITEMS | LISTS)
def test_round_trip(key: str, member: Item | InnerList) -> None:
    assert parse_dictionary(f"{key}={member}") == {key: member}


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(alphabet='ab=();:"\\, ?1@-*', max_size=60))
def test_random_text_is_read_or_malformed(text: str) -> None:
    try:
        parse_dictionary(text)
    except Malformed:
        return
