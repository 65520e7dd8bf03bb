"""Every list has its Atom feed, which keeps to the grammar of RFC 4287 and says the same to everybody."""

from pathlib import Path

import pytest
from lxml import etree

from fedi_cluster.community.posts.actions.write import Translation
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

_GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).with_name("atom.rng")))
_NAMES = {"a": "http://www.w3.org/2005/Atom"}
_FEEDS = ["/feed.atom", "/r/szczecin/feed.atom", "/@ola/feed.atom", "/public/local/feed.atom", "/tags/wystawa/feed.atom"]  # fmt: skip


async def _feed(town: Town, path: str, **headers: str) -> etree._Element:
    answer = await town.page(path, headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert "set-cookie" not in answer.headers
    tree = etree.fromstring(answer.content)
    assert _GRAMMAR.validate(tree), _GRAMMAR.error_log
    assert _texts(tree, "/a:feed/a:id") == [f"https://{town.host}{path}"]
    return tree


def _texts(tree: etree._Element, path: str) -> list[str]:
    found = tree.xpath(path, namespaces=_NAMES)
    assert isinstance(found, list)
    return [one.text or "" if isinstance(one, etree._Element) else str(one) for one in found]


@pytest.fixture
async def town(towns: Towns) -> Town:
    """Szczecin with one piece of news in two languages and a note."""
    made = await towns.found("szczecin", "pl")
    await made.post(
        "ola", "Otwarcie w sobotę. #Wystawa", kind="news", title="Wystawa & więcej", summary="Lede <x>",
        to_region=True, translations={"en": Translation("Opens on Saturday. #Wystawa", "Exhibition", "Lede")},
    )  # fmt: skip
    made.clock.forward(minutes=5)
    await made.post("ola", "Notatka bez tytułu #wystawa", visibility="public", to_region=True)
    await made.post("ola", "tajne #wystawa", visibility="followers")
    await towns.settle()
    return made


@pytest.mark.parametrize("path", _FEEDS)
async def test_a_feed_is_valid_and_whole(town: Town, path: str) -> None:
    tree = await _feed(town, path)
    assert _texts(tree, "//a:entry/a:title") == ["Notatka bez tytułu #wystawa", "Wystawa & więcej"]
    ids = _texts(tree, "//a:entry/a:id")
    assert all(one.startswith("https://szczecin.example/objects/") for one in ids)
    links = _texts(tree, "//a:entry/a:link[@rel='alternate']/@href")
    for link in links:
        assert (await town.page(link)).status_code == 200
    assert _texts(tree, "//a:entry/@xml:lang") == ["pl", "pl"]
    assert _texts(tree, "//a:entry/a:author/a:name") == ["Ola", "Ola"]
    assert "tajne" not in etree.tostring(tree, encoding="unicode")
    newest = _texts(tree, "//a:entry/a:updated")[0]
    assert _texts(tree, "/a:feed/a:updated") == [newest]


async def test_the_language_of_a_feed_is_that_of_its_address(town: Town) -> None:
    english = await _feed(town, "/en/feed.atom", Cookie="lang=sv")
    assert _texts(english, "//a:entry/a:title")[1] == "Exhibition"
    assert _texts(english, "//a:entry/@xml:lang") == ["pl", "en"]
    assert _texts(english, "/a:feed/@xml:lang") == ["en"]
    plain = await _feed(town, "/feed.atom", **{"Accept-Language": "en", "Cookie": "lang=en"})
    assert _texts(plain, "//a:entry/a:title")[1] == "Wystawa & więcej"


async def test_feed_readers_that_also_take_json_get_the_feed(town: Town) -> None:
    await _feed(town, "/@ola/feed.atom", Accept="application/json, application/atom+xml")


async def test_an_empty_feed_is_valid(towns: Towns) -> None:
    empty = await towns.found("gdansk")
    for path in ("/feed.atom", "/r/gdansk/feed.atom", "/@office/feed.atom", "/tags/none/feed.atom"):
        assert _texts(await _feed(empty, path), "//a:entry") == []


async def test_what_has_no_feed(town: Town) -> None:
    for path in ("/r/nowhere/feed.atom", "/@nobody/feed.atom"):
        assert (await town.page(path)).status_code == 404
