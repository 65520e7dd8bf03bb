"""Every text of templates and code is translated in every catalog, and the placeholders agree."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from fedi_cluster.http.locale import words_for
from fedi_cluster.http.render import templates_folder
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

_PACKAGE = Path(__file__).resolve().parents[2] / "fedi_cluster"
_TRANSLATED = [tag for tag in PAGE_LANGUAGES if tag != "en"]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@cache
def _used() -> frozenset[str | tuple[str, ...]]:
    found: set[str | tuple[str, ...]] = set()
    sources = [(path, "python") for path in _PACKAGE.rglob("*.py")]
    sources += [(path, "jinja2.ext:babel_extract") for path in templates_folder().rglob("*.html")]
    for path, method in sources:
        options = (
            {} if method == "python" else {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
        )
        for row in extract_from_file(method, path, keywords=_KEYWORDS, options=options):
            found.add(row[1])
    return frozenset(found)


@cache
def _catalog(tag: str) -> Catalog:
    with (_PACKAGE / "locales" / tag / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale=tag)


def _messages(tag: str) -> list[Message]:
    return [message for message in _catalog(tag) if message.id]


def _texts(message: Message) -> list[str]:
    string = message.string
    return [text or "" for text in (string if isinstance(string, tuple | list) else [string])]


def test_there_is_something_to_translate() -> None:
    assert len(_used()) > 140


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_the_catalog_has_exactly_what_is_used(tag: str) -> None:
    have = {message.id if isinstance(message.id, str) else tuple(message.id) for message in _messages(tag)}
    assert have == _used()


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_nothing_is_untranslated_fuzzy_or_obsolete(tag: str) -> None:
    forms = _catalog(tag).num_plurals
    for message in _messages(tag):
        texts = _texts(message)
        assert all(text.strip() for text in texts), message.id
        assert not message.fuzzy, message.id
        assert len(texts) == (forms if message.pluralizable else 1), message.id
    assert not _catalog(tag).obsolete


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_placeholders_and_ends_agree(tag: str) -> None:
    for message in _messages(tag):
        source = message.id if isinstance(message.id, str) else message.id[0]
        for text in _texts(message):
            assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(source)), source
            assert text.count("%") == source.count("%"), source
            assert text == text.strip(), source
            assert (text[-1] in ".?:") == (source[-1] in ".?:"), source


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_the_glossary_is_kept(tag: str) -> None:
    glossary = {
        "Region": ("Region", "Region", "Regionas", "Region"),
        "News": ("Aktualności", "Neuigkeiten", "Naujienos", "Nyheter"),
        "Projects": ("Projekty", "Projekte", "Projektai", "Projekt"),
        "Follow from your server": (
            "Obserwuj ze swojego serwera",
            "Von deinem Server aus folgen",
            "Sekti iš savo serverio",
            "Följ från din server",
        ),
    }
    for english, texts in glossary.items():
        assert words_for(tag).gettext(english) == texts[_TRANSLATED.index(tag)]
