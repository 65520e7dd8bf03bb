"""Every page in every language is sound HTML: closed, one h1, steps of headings, nothing inline."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree, html

from fedi_cluster.http.render import render
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from tests.web.soundness import check_sound


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
    check_sound(_pages[tag, name])


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
