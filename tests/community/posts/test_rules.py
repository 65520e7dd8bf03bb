"""Who a post is for, who sees it and may pass it on, and how long it may be."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedi_cluster.community.posts import rules
from fedi_cluster.community.posts.rules import KINDS, LONGEST_TITLE, MOST_SIGNS, VISIBILITIES
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.errors import Invalid
from tests.builders import AT, START, actor_shape, post_shape

OLA, HANNE = actor_shape(1), actor_shape(2)
FOLLOWERS = f"{OLA.uri}/followers"
URIS = st.lists(st.sampled_from([HANNE.uri, AT.region, "https://rostock.example/users/x"]), unique=True)


@pytest.mark.parametrize("visibility", VISIBILITIES)
@given(mentioned=URIS, region=st.sampled_from([None, AT.region]))
def test_what_we_address_is_read_as_we_meant_it(
    visibility: str, mentioned: list[str], region: str | None
) -> None:
    made = rules.addressing(visibility, FOLLOWERS, mentioned, region)
    assert rules.visibility_of(made.to, made.cc, FOLLOWERS) == visibility
    named = (*made.to, *made.cc)
    assert set(mentioned) <= set(named)
    assert len(set(named)) == len(named)
    if visibility in ("public", "unlisted"):
        assert made.audience == region
    else:
        assert made.audience is None
        assert PUBLIC not in named


def test_the_region_hears_public_posts_as_in_the_golden_note() -> None:
    made = rules.addressing("public", FOLLOWERS, [HANNE.uri], AT.region)
    assert (made.to, made.cc, made.audience) == ((PUBLIC,), (FOLLOWERS, AT.region, HANNE.uri), AT.region)


def test_an_unknown_visibility_goes_nowhere() -> None:
    with pytest.raises(Invalid):
        rules.addressing("private", FOLLOWERS, [], None)


@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ((PUBLIC,), (), "public"),
        ((PUBLIC,), (PUBLIC, FOLLOWERS), "public"),
        ((FOLLOWERS,), (PUBLIC,), "unlisted"),
        ((), (PUBLIC,), "unlisted"),
        ((FOLLOWERS,), (), "followers"),
        ((), (FOLLOWERS,), "followers"),
        ((OLA.uri,), (), "direct"),
        ((), (), "direct"),
        (("https://rostock.example/x/followers",), (), "direct"),
    ],
)
def test_how_far_a_strangers_post_goes(to: tuple[str, ...], cc: tuple[str, ...], visibility: str) -> None:
    assert rules.visibility_of(to, cc, FOLLOWERS) == visibility


def test_without_a_collection_of_followers_nothing_is_for_them() -> None:
    assert rules.visibility_of((), (), None) == rules.visibility_of(("",), (), "") == "direct"


@pytest.mark.parametrize(("visibility", "deleted", "own"), list(product(VISIBILITIES, *[(False, True)] * 2)))
def test_who_sees_changes_and_passes_on(visibility: str, deleted: bool, own: bool) -> None:
    post = post_shape(OLA, visibility=visibility, deleted_at=START if deleted else None)
    actor = OLA if own else HANNE
    is_open = not deleted and visibility in ("public", "unlisted")
    assert rules.is_open(post) is is_open
    assert rules.may_change(actor, post) is own
    assert rules.may_announce(actor, post) is (is_open or (own and visibility == "followers" and not deleted))


@pytest.mark.parametrize(("answer", "parent"), list(product(VISIBILITIES, VISIBILITIES)))
def test_an_answer_is_not_read_by_more_than_what_it_answers(answer: str, parent: str) -> None:
    said = post_shape(OLA, visibility=parent)
    everybody = ("public", "unlisted")
    if answer in everybody and parent not in everybody:
        with pytest.raises(Invalid):
            rules.check_answer(answer, said)
    else:
        rules.check_answer(answer, said)


def test_the_tables_of_kinds_are_complete() -> None:
    assert set(KINDS) == set(MOST_SIGNS)


@pytest.mark.parametrize("kind", KINDS)
def test_how_long_a_text_may_be(kind: str) -> None:
    title = "T" * LONGEST_TITLE
    rules.check_text(kind, "x" * MOST_SIGNS[kind], title)
    for text, name, field in [
        ("x" * (MOST_SIGNS[kind] + 1), title, "text"),
        (" \n", title, "text"),
        ("", title, "text"),
        ("x", title + "T", "title"),
    ]:
        with pytest.raises(Invalid) as refused:
            rules.check_text(kind, text, name)
        assert set(refused.value.fields) == {field}


@pytest.mark.parametrize("title", [None, "", " "])
def test_all_but_notes_have_a_title(title: str | None) -> None:
    rules.check_text("note", "x", title)
    for kind in set(KINDS) - {"note"}:
        with pytest.raises(Invalid):
            rules.check_text(kind, "x", title)
    with pytest.raises(Invalid):
        rules.check_text("poem", "x", "y")


def test_the_version_of_a_post_is_its_last_change() -> None:
    post = post_shape(OLA)
    assert post.version == START
    later = START.replace(hour=10)
    assert replace(post, updated_at=later).version == later
    assert replace(post, updated_at=START, deleted_at=later).version == later
