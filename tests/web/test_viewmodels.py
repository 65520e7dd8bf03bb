"""What view models decide by themselves: trees of answers, headings, words for kinds and languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from fedi_cluster.http.frame import RegionChip
from fedi_cluster.http.locale import words_for
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.web.viewmodels.errors import error_view
from fedi_cluster.web.viewmodels.homes import ClusterHomeView, Town
from fedi_cluster.web.viewmodels.parts import Author, When, initials, when
from fedi_cluster.web.viewmodels.posts import (
    DEEPEST_THREAD,
    PostCard,
    Reply,
    kind_label,
    language_note,
    nest,
)


def _card(text: str) -> PostCard:
    author = Author("A", "@a@a.example", "/@a")
    return PostCard(author, f"/@a/{text}", When("today", "2026-01-01"), Markup("<p>{}</p>").format(text))


def _shape(replies: tuple[Reply, ...]) -> list[object]:
    return [[reply.card.url if reply.card else None, _shape(tuple(reply.answers))] for reply in replies]


def test_answers_stand_under_what_they_answer() -> None:
    tree = nest(1, [(2, 1, _card("2")), (3, 2, _card("3")), (4, 1, None), (5, 4, _card("5"))])
    assert _shape(tree) == [["/@a/2", [["/@a/3", []]]], [None, [["/@a/5", []]]]]


def test_an_answer_without_its_parent_is_not_lost() -> None:
    assert _shape(nest(1, [(7, 99, _card("7"))])) == [["/@a/7", []]]


def test_a_ring_of_answers_ends() -> None:
    assert nest(1, [(2, 3, _card("2")), (3, 2, _card("3")), (4, 4, _card("4"))]) == ()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=400))
def test_any_thread_keeps_all_answers_and_its_depth(parents: list[int]) -> None:
    rows = [(own, min(parent, own - 1), _card(str(own))) for own, parent in enumerate(parents, 2)]
    seen = 0
    level = list(nest(1, rows))
    depth = 0
    while level:
        depth += 1
        seen += len(level)
        level = [answer for reply in level for answer in reply.answers]
    assert seen == len(rows)
    assert depth <= DEEPEST_THREAD


def test_a_thread_of_two_thousand_levels_is_flat_enough() -> None:
    tree = nest(1, [(own, own - 1, None) for own in range(2, 2002)])
    assert len(tree) == 1


def test_a_list_prints_short_posts_whole() -> None:
    assert _card("hello").short
    assert not _card("x" * 2000).short


def test_words_for_kinds_and_languages() -> None:
    german = words_for("de")
    assert [kind_label(german, kind) for kind in ("news", "project", "note", "")] == [
        "Neuigkeiten",
        "Projekt",
        "Beitrag",
        "Beitrag",
    ]
    assert language_note(german, "pl-PL") == "auf Polnisch"
    assert language_note(german, "uk") == "Sprache: Ukrainisch"
    assert language_note(german, "de-AT") is None
    assert language_note(german, "und") is None
    assert language_note(german, None) is None
    assert language_note(german, "qqq") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Redakcja Szczecin", "RS"),
        ("»NetPort« Science Park", "NS"),
        ("šviesa", "Š"),
        ("🎨", "?"),
        ("", "?"),
        ("  ", "?"),
    ],
)
def test_initials(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_a_moment_carries_its_zone() -> None:
    shown = when(words_for("en"), datetime(2026, 2, 18, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Warsaw"))
    assert shown == When("19 February 2026", "2026-02-19T00:30:00+01:00")


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_every_status_has_words_and_a_way_on(tag: str) -> None:
    for status in range(400, 600):
        view = error_view(words_for(tag), status)
        assert view.title
        assert view.text
        assert view.ways
    assert error_view(words_for(tag), 451).title == error_view(words_for(tag), 400).title
    assert error_view(words_for(tag), 599).title == error_view(words_for(tag), 500).title


def test_towns_without_a_place_on_the_map_are_listed_beside() -> None:
    towns = [Town(RegionChip(slug, slug, f"/r/{slug}")) for slug in ("rostock", "gdansk", "karlshamn")]
    view = ClusterHomeView("", towns, map_url="/static/map.svg")
    assert [town.region.slug for town in view.coast] == ["karlshamn", "rostock"]
    assert [town.region.slug for town in view.inland] == ["gdansk"]
    assert len(ClusterHomeView("", towns).inland) == 3
