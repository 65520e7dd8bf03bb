"""Every page in every language is sound HTML: closed, one h1, steps of headings, nothing inline."""

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree, html

from fedi_cluster.http.render import render
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

_LIMIT = 60 * 1024
_VOID = {"meta", "link", "img", "input", "br"}
_DRAWING = {"path", "use"}


def _load() -> ModuleType:
    path = Path(__file__).with_name("sample_pages.py")
    spec = importlib.util.spec_from_file_location("sample_pages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sample_pages"] = module
    spec.loader.exec_module(module)
    return module


_samples = _load()
_NAMES = [sample.name for sample in _samples.samples("en")]
_CASES = [(tag, name) for tag in PAGE_LANGUAGES for name in _NAMES]
_pages = {
    (tag, sample.name): render(sample.template, sample.view, sample.page)
    for tag in PAGE_LANGUAGES
    for sample in _samples.samples(tag)
}


class _Sound(HTMLParser):
    """Collects what is wrong with a page; an end tag that fits no start tag is wrong."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if len(values) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if identity := values.get("id"):
            self.ids.append(identity)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "style") or "style" in values or any(name.startswith("on") for name in values):
            self.faults.append(f"inline code or style at <{tag}>")
        if tag in ("p", "a", "form") and tag in self.open:
            self.faults.append(f"<{tag}> inside <{tag}>")
        if tag == "img" and values.get("alt") is None:
            self.faults.append("<img> without alt")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DRAWING | _VOID:
            self.faults.append(f"<{tag}/> closes itself")
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> fits nothing")


def _parsed(page: str) -> _Sound:
    sound = _Sound()
    sound.feed(page)
    sound.close()
    return sound


def _elements(tree: etree._Element, path: str) -> list[etree._Element]:
    found = tree.xpath(path)
    assert isinstance(found, list)
    return [hit for hit in found if isinstance(hit, etree._Element)]


def _strings(tree: etree._Element, path: str) -> list[str]:
    found = tree.xpath(path)
    assert isinstance(found, list)
    return [str(hit) for hit in found if isinstance(hit, str)]


@pytest.mark.parametrize(("tag", "name"), _CASES)
def test_the_page_is_sound(tag: str, name: str) -> None:
    page = _pages[tag, name]
    sound = _parsed(page)
    assert sound.faults == []
    assert sound.open == []
    assert len(set(sound.ids)) == len(sound.ids)
    assert sound.headings.count(1) == 1
    assert sound.headings[0] == 1
    steps = zip(sound.headings, sound.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps), sound.headings
    assert len(page.encode()) <= _LIMIT
    assert page.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("tag", "name"), _CASES)
def test_references_lead_somewhere(tag: str, name: str) -> None:
    tree = html.document_fromstring(_pages[tag, name])
    ids = set(_strings(tree, "//@id"))
    assert _strings(tree, "/html/@lang") == [tag]
    for told in _strings(tree, "//@aria-labelledby | //@aria-describedby | //label/@for"):
        assert set(told.split()) <= ids
    for anchor in _strings(tree, "//a/@href[starts-with(., '#')]"):
        assert anchor[1:] in ids
    assert _strings(tree, "//nav[@class='langs']//a[@aria-current]/@hreflang") == [tag]
    assert len(_elements(tree, "//link[@rel='alternate'][@hreflang]")) in (0, 6)
    for link in _elements(tree, "//a"):
        assert "".join(str(text) for text in link.itertext()).strip(), "a link without words"
        assert link.get("href")
    assert not _elements(tree, "//*[starts-with(@src, 'http') or starts-with(@action, 'http')]")


def test_foreign_texts_carry_their_language() -> None:
    tree = html.document_fromstring(_pages["en", "post"])
    assert _strings(tree, "//h1/@lang") == ["de"]
    assert _strings(tree, "//article[contains(@class, 'main-post')]//div[@class='prose']/@lang") == ["de"]
    own = html.document_fromstring(_pages["de", "post"])
    assert _strings(own, "//h1/@lang") == []
    assert "in German" in _pages["en", "post"]
    assert "auf Deutsch" not in _pages["de", "post"]


def test_strangers_cannot_write_markup() -> None:
    for page in _pages.values():
        assert "<script" not in page


def test_the_regions_page_keeps_the_language_and_takes_its_colours() -> None:
    tree = html.document_fromstring(_pages["sv", "region-home"])
    assert _strings(tree, "//body/@class") == ["r-rostock"]
    local = [href for href in _strings(tree, "//main//a/@href") if href.startswith("/")]
    assert local
    assert all(href.startswith("/sv/") for href in local)


def test_the_funding_stands_first_and_in_the_footer() -> None:
    for page in _pages.values():
        tree = html.document_fromstring(page)
        for place in ("header", "footer"):
            emblem = f"//{place}//*[@class='eu']//*[local-name()='use'][@href='#eu']"
            assert len(_elements(tree, emblem)) == 1
        assert "217" in "".join(_strings(tree, "//footer//text()"))


def test_demo_profiles_say_so() -> None:
    assert "Demo-Profil." in _pages["de", "profile"]
    assert "Demo-Profil." not in _pages["de", "profile-empty"]


def test_an_error_page_needs_nothing_but_words() -> None:
    page = _pages["lt", "error-404"]
    assert "Čia nieko nėra" in page
    assert 'content="noindex"' in page
    assert 'lang="en">No post with this id.' in page


def test_a_followers_way_leads_over_a_form_and_a_link() -> None:
    tree = html.document_fromstring(_pages["en", "interact"])
    assert _strings(tree, "//form/@method") == ["get"]
    assert _strings(tree, "//input[@name='server']/@aria-invalid") == ["true"]
    assert _strings(tree, "//input[@type='hidden']/@value") == ["acct:rostock@rostock.example"]
    onward = html.document_fromstring(_pages["en", "interact-onward"])
    assert _strings(onward, "//a[@class='btn']/@href")[0].startswith("https://mastodon.example/")
