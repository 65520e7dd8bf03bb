"""Following and answering from another server: the form, the way on, and plain words where there is none."""

from urllib.parse import quote

import pytest
from lxml import html
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fedi_cluster.community.posts.shapes import Post
from tests.towns.town import Town, Towns
from tests.web.soundness import check_sound

pytestmark = pytest.mark.anyio
_SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"


def _server(template: str | None) -> Starlette:
    async def webfinger(request: Request) -> Response:
        if request.query_params["resource"] != "acct:eva@social.example":
            return Response(status_code=404)
        links = [{"rel": _SUBSCRIBE, "template": template}] if template else []
        return JSONResponse({"subject": "acct:eva@social.example", "links": links})

    return Starlette(routes=[Route("/.well-known/webfinger", webfinger)])


@pytest.fixture
async def town(towns: Towns) -> Town:
    """Szczecin, and Eva's server beside it."""
    towns.network.add("social.example", _server("https://social.example/authorize?uri={uri}"))
    return await towns.found("szczecin", "en")


@pytest.fixture
async def post(town: Town) -> Post:
    """A note that can be answered."""
    return await town.post("ola", "Guten Tag", language="de")


async def _page(town: Town, uri: str, server: str = "") -> html.HtmlElement:
    answer = await town.page(f"/interact?uri={quote(uri, safe='')}&server={quote(server, safe='')}")
    assert answer.status_code == 200
    check_sound(answer.text)
    assert 'content="noindex"' in answer.text
    tree = html.document_fromstring(answer.text)
    assert isinstance(tree, html.HtmlElement)
    return tree


def _strings(tree: html.HtmlElement, path: str) -> list[str]:
    found = tree.xpath(path)
    assert isinstance(found, list)
    return [str(one) for one in found]


_OLA = "https://szczecin.example/actors/ola"


@pytest.mark.parametrize(
    "uri",
    ["acct:ola@szczecin.example", "@ola@szczecin.example", _OLA, "https://szczecin.example/@ola"],
)
async def test_an_account_is_known_by_all_its_names(town: Town, post: Post, uri: str) -> None:
    tree = await _page(town, uri)
    assert _strings(tree, "//p[@class='stand']/a/@href") == ["/@ola"]
    assert _strings(tree, "//p[@class='handle']/text()") == ["@ola@szczecin.example"]
    assert _strings(tree, "//input[@type='hidden']/@value") == [_OLA]


async def test_the_way_leads_to_the_own_server(town: Town, post: Post) -> None:
    for entered in ("eva@social.example", "@eva@social.example", "acct:eva@social.example"):
        tree = await _page(town, "acct:ola@szczecin.example", entered)
        assert _strings(tree, "//a[@class='btn']/@href") == [
            f"https://social.example/authorize?uri={quote(_OLA, safe='')}"
        ]
    asked = town.network.sent_to("social.example")
    assert len(asked) == 1, "a template is kept for a while"


async def test_a_post_is_answered(town: Town, post: Post) -> None:
    for uri in (post.uri, post.url):
        tree = await _page(town, uri, "eva@social.example")
        assert "Answer from your server" in _strings(tree, "//h1/text()")
        assert _strings(tree, "//p[@class='stand']/a/@lang") == ["de"]
        assert quote(post.uri, safe="") in _strings(tree, "//a[@class='btn']/@href")[0]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ("hello", "Please enter a server"),
        ("a b c", "Please enter a server"),
        ("@", "Please enter a server"),
        ("[::1", "Please enter a server"),
        ("social.example", "whole name"),
        ("tom@social.example", "does not say how"),
        ("tom@away.example", "does not answer"),
        ("tom@127.0.0.1", "does not answer"),
        ("ola@szczecin.example", "does not answer"),
    ],
)
async def test_no_way_is_told_in_plain_words(town: Town, post: Post, entered: str, words: str) -> None:
    tree = await _page(town, _OLA, entered)
    assert words in _strings(tree, "//p[@class='err']/text()")[0]
    assert _strings(tree, "//input[@name='server']/@value") == [entered]
    assert not _strings(tree, "//a[@class='btn']/@href")


@pytest.mark.parametrize("template", [None, "https://social.example/x", "javascript:alert('{uri}')"])
async def test_a_server_without_a_sound_template(towns: Towns, template: str | None) -> None:
    towns.network.add("social.example", _server(template))
    town = await towns.found("szczecin", "en")
    tree = await _page(town, "acct:x@y.example", "eva@social.example")
    assert "does not say how" in _strings(tree, "//p[@class='err']/text()")[0]


async def test_what_others_link_to_us_and_we_do_not_know(town: Town) -> None:
    tree = await _page(town, "acct:<b>@far.example")
    assert _strings(tree, "//p[@class='handle']/text()") == ["<b>@far.example"]
    answer = await town.page(f"/intents/like?object={quote('https://far.example/1')}")
    assert answer.status_code == 200
    assert "https://far.example/1" in answer.text
    assert town.network.sent_to("far.example") == [], "a stranger's address is not fetched for a visitor"


async def test_hidden_posts_are_unknown_here_too(town: Town) -> None:
    secret = await town.post("ola", "nur für euch", visibility="followers")
    for uri in (secret.uri, secret.url):
        tree = await _page(town, uri)
        assert "nur" not in tree.text_content()


async def test_writing_is_told_honestly(town: Town) -> None:
    answer = await town.page("/intents/create?content=%3Cscript%3Ehallo")
    check_sound(answer.text)
    assert "&lt;script&gt;hallo" in answer.text
