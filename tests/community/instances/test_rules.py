"""Lists of members become one list, whoever merges them in whichever order."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.community.instances.rules import may_deliver, merge
from fedi_cluster.community.instances.shapes import Entry, Instance
from tests.builders import START, entry

STATES = ("member", "left", "removed")
WORDS = st.builds(
    lambda name, state, second, said_by, published: entry(
        name,
        state,
        START + timedelta(seconds=second),
        confirmed_by=said_by,
        published_at=START - timedelta(days=published),
    ),
    st.sampled_from(["szczecin", "rostock", "klaipeda"]),
    st.sampled_from(STATES),
    st.integers(0, 2),
    st.sampled_from([None, "https://rostock.example/actor", "https://szczecin.example/actor"]),
    st.integers(0, 1),
)
LISTS = st.lists(WORDS, max_size=5, unique_by=lambda one: one.actor).map(
    lambda entries: {one.actor: one for one in entries}
)


def both(mine: dict[str, Entry], theirs: dict[str, Entry]) -> dict[str, Entry]:
    """What I have after hearing them."""
    return merge(mine, theirs.values(), "https://rostock.example/actor")


@settings(max_examples=100, deadline=None)
@given(LISTS, LISTS, LISTS)
def test_merging_knows_no_order(
    one: dict[str, Entry], other: dict[str, Entry], third: dict[str, Entry]
) -> None:
    assert both(one, other) == both(other, one)
    assert both(both(one, other), third) == both(one, both(other, third))
    assert both(one, one) == one
    assert both(both(one, other), other) == both(one, other)


@settings(max_examples=50, deadline=None)
@given(st.lists(LISTS, min_size=3, max_size=3))
def test_three_hosts_end_with_one_list(lists: list[dict[str, Entry]]) -> None:
    ends = []
    for order in permutations(lists):
        merged = order[0]
        for told in order[1:]:
            merged = both(merged, told)
        ends.append(merged)
    assert all(end == ends[0] for end in ends)


@pytest.mark.parametrize("theirs", STATES)
@pytest.mark.parametrize("mine", STATES)
def test_at_the_same_moment_the_harder_word_wins(mine: str, theirs: str) -> None:
    known, told = entry("rostock", mine), entry("rostock", theirs)
    harder = max(known, told, key=lambda one: STATES.index(one.state))
    assert merge({known.actor: known}, [told], told.actor)[known.actor].state == harder.state


@pytest.mark.parametrize("theirs", STATES)
@pytest.mark.parametrize("mine", STATES)
def test_the_later_word_wins(mine: str, theirs: str) -> None:
    known = entry("rostock", mine)
    later, earlier = (entry("rostock", theirs, START + timedelta(seconds=step)) for step in (1, -1))
    assert merge({known.actor: known}, [later], "x")[known.actor] == later
    assert merge({known.actor: known}, [earlier], "x")[known.actor] == known


def test_only_a_member_itself_brings_its_new_key() -> None:
    known = entry("rostock")
    told = entry("rostock", at=START + timedelta(days=1), key="z6Mknew")
    assert merge({known.actor: known}, [told], "https://klaipeda.example/actor") == {known.actor: known}
    assert merge({known.actor: known}, [told], known.actor) == {known.actor: told}


@pytest.mark.parametrize("state", ["asking", "inviting", "", "MEMBER"])
def test_a_state_that_is_not_public_is_not_taken(state: str) -> None:
    told = entry("rostock", state, START + timedelta(days=1))
    assert merge({}, [told], told.actor) == {}
    known = entry("rostock")
    assert merge({known.actor: known}, [told], told.actor) == {known.actor: known}


@pytest.mark.parametrize("theirs", STATES)
def test_whom_we_asked_is_what_any_list_says(theirs: str) -> None:
    known = entry("rostock", "inviting", START + timedelta(days=1))
    told = entry("rostock", theirs)
    assert merge({known.actor: known}, [told], told.actor) == {known.actor: told}


@pytest.mark.parametrize("theirs", STATES)
def test_who_asks_again_is_not_what_she_was_before(theirs: str) -> None:
    """A removed member who asks anew was thrown out again by the next list that came from anybody."""
    known = entry("rostock", "asking", START + timedelta(days=1))
    before, after = entry("rostock", theirs), entry("rostock", theirs, START + timedelta(days=2))
    assert merge({known.actor: known}, [before], "x") == {known.actor: known}
    assert merge({known.actor: known}, [after], "x") == {known.actor: after}


def test_merging_changes_no_argument() -> None:
    mine = {entry("rostock").actor: entry("rostock")}
    merge(mine, [entry("klaipeda"), entry("rostock", "left", START + timedelta(days=1))], "x")
    assert mine == {entry("rostock").actor: entry("rostock")}


@pytest.mark.parametrize(("policy", "may"), [("open", True), ("blocked", False), (None, True)])
def test_who_may_deliver(policy: str | None, may: bool) -> None:
    known = Instance("rostock.example", policy, None, None, None, None, None) if policy else None
    assert may_deliver(known) is may
