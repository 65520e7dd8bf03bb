"""The visitor's language, and the words, dates and numbers in it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from fedi_cluster.http.locale import (
    accepted_languages,
    choose_language,
    split_language,
    with_language,
    words_for,
)
from fedi_cluster.kernel.languages import PAGE_LANGUAGES


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", (None, "/")),
        ("/de", ("de", "/")),
        ("/de/", ("de", "/")),
        ("/de/r/rostock", ("de", "/r/rostock")),
        ("/lt/@name@host.example/12", ("lt", "/@name@host.example/12")),
        ("/fr/r/rostock", (None, "/fr/r/rostock")),
        ("/DE/r", (None, "/DE/r")),
        ("/detail", (None, "/detail")),
        ("/de/de/", ("de", "/de/")),
        ("de/", (None, "de/")),
        ("", (None, "")),
    ],
)
def test_a_path_may_begin_with_a_language(path: str, expected: tuple[str | None, str]) -> None:
    assert split_language(path) == expected


@given(st.text(max_size=40), st.sampled_from(PAGE_LANGUAGES))
def test_a_prefix_comes_off_as_it_went_on(rest: str, tag: str) -> None:
    assert split_language(with_language("/" + rest, tag)) == (tag, "/" + rest)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", ["de-de", "de", "en"]),
        ("en;q=0.2, pl;q=0.7, sv", ["sv", "pl", "en"]),
        ("de;q=0, en", ["en"]),
        ("de;q=nonsense, lt;q=2, en;q=0.1", ["en"]),
        ("de ; Q=0.5 , pl", ["pl", "de"]),
        ("", []),
        (",,;q=1,", []),
        ("*", ["*"]),
    ],
)
def test_accept_language_is_read_with_qualities(header: str, expected: list[str]) -> None:
    assert accepted_languages(header) == expected


@given(st.text(max_size=200))
def test_any_header_gives_a_page_language(header: str) -> None:
    assert choose_language(None, None, header, "lt") in PAGE_LANGUAGES


def test_a_long_header_is_read_to_its_twentieth_range() -> None:
    assert len(accepted_languages(",".join(["fr"] * 5000))) == 20


def test_path_beats_cookie_beats_header_beats_instance() -> None:
    assert choose_language("sv", "pl", "de", "lt") == "sv"
    assert choose_language(None, "pl", "de", "lt") == "pl"
    assert choose_language(None, "fr", "de-AT", "lt") == "de"
    assert choose_language(None, None, "fr, uk;q=0.5", "lt") == "lt"
    assert choose_language(None, None, "fr, *;q=0.1, en;q=0.01", "lt") == "lt"
    assert choose_language(None, None, None, "fr") == "en"


@pytest.mark.parametrize(
    ("tag", "one", "few", "many"),
    [
        ("en", "1 answer", "3 answers", "1,025 answers"),
        ("pl", "1 odpowiedź", "3 odpowiedzi", "1 025 odpowiedzi"),
        ("de", "1 Antwort", "3 Antworten", "1.025 Antworten"),
        ("lt", "1 atsakymas", "3 atsakymai", "1 025 atsakymai"),
        ("sv", "1 svar", "3 svar", "1 025 svar"),
    ],
)
def test_plurals_are_natural(tag: str, one: str, few: str, many: str) -> None:
    words = words_for(tag)
    said = [words.ngettext("%(n)s answer", "%(n)s answers", n).replace("\u00a0", " ") for n in (1, 3, 1025)]
    assert said == [one, few, many]


def test_lithuanian_and_polish_know_the_teens() -> None:
    lithuanian, polish = words_for("lt"), words_for("pl")
    assert lithuanian.ngettext("%(n)s like", "%(n)s likes", 11) == "11 patiktukų"
    assert lithuanian.ngettext("%(n)s like", "%(n)s likes", 21) == "21 patiktukas"
    assert polish.ngettext("%(n)s like", "%(n)s likes", 12) == "12 polubień"
    assert polish.ngettext("%(n)s like", "%(n)s likes", 22) == "22 polubienia"


def test_dates_and_numbers_speak_the_language() -> None:
    day = date(2025, 11, 19)
    assert [words_for(tag).date(day) for tag in PAGE_LANGUAGES] == [
        "19 November 2025",
        "19 listopada 2025",
        "19. November 2025",
        "2025 m. lapkričio 19 d.",
        "19 november 2025",
    ]
    assert words_for("de").number(Decimal("217833.25")) == "217.833,25"
    assert words_for("en").listed(["Rostock", "Szczecin", "Rietavas"]) == "Rostock, Szczecin and Rietavas"
    assert words_for("pl").language_name("uk") == "ukraiński"
    assert words_for("pl").language_name("qqq") is None


def test_a_moment_is_shown_in_the_instances_zone() -> None:
    late = datetime(2025, 6, 30, 22, 30, tzinfo=UTC)
    assert words_for("de").moment(late, ZoneInfo("Europe/Vilnius")) == "1. Juli 2025, 01:30"


def test_values_are_escaped_only_beside_markup() -> None:
    words = words_for("en")
    assert words.gettext("From %(region)s", region="<b>") == "From <b>"
    assert not hasattr(words.gettext("From %(region)s", region="<b>"), "__html__")
    marked = words.gettext("You follow: %(what)s", what=Markup("<a>x</a>"))
    assert marked == "You follow: <a>x</a>"
    assert isinstance(marked, Markup)
    assert words.gettext("100 % sure") == "100 % sure"


def test_a_language_without_pages_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="fr"):
        words_for("fr")
