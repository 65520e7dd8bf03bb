"""The public pages of a whole instance: addresses, statuses, languages, headers, and what nobody may see."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest
from lxml import html

from fedi_cluster.community.posts.actions import WritePost
from fedi_cluster.community.posts.actions import write as write_post
from fedi_cluster.community.posts.actions.write import Translation
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.web.standing import CSP
from tests.towns.town import AS2, Town, Towns
from tests.web.soundness import check_sound

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Seen:
    """An instance with a sister; `posts` are Szczecin's by a short name."""

    here: Town
    sister: Town
    towns: Towns
    posts: dict[str, Post]


_OTHER_LANGUAGE_OR_MACHINES = re.compile(r"/(en|pl|de|lt|sv)(/|$)|/nodeinfo|/cluster/")
_GREETING = Translation("Good morning. The studios open.", "Studios open", "Eleven rooms wait.")


@pytest.fixture
async def seen(towns: Towns) -> Seen:
    """Szczecin and Rostock in a cluster, with news, a project, notes, answers, and what is hidden."""
    here, sister = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(sister, here)
    posts = {
        "news": await here.post(
            "ola", "Dzień dobry. Pracownie się otwierają. #Wzornictwo", kind="news",
            title="Pracownie otwarte", summary="Jedenaście pokoi czeka.",
            to_region=True, translations={"en": _GREETING},
        ),
        "project": await here.post(
            "ola", "Pusta hala staje się pracownią.", kind="project", title="Nabrzeże", to_region=True
        ),
        "note": await here.post("ola", "Zwykły wpis <b>bez</b> tytułu #wzornictwo", language="pl"),
        "unlisted": await here.post("ola", "Po cichu: tajemnica-a #wzornictwo", visibility="unlisted"),
        "followers": await here.post("ola", "Dla swoich: tajemnica-b #wzornictwo", visibility="followers"),
        "direct": await here.post("ola", "List: tajemnica-c", visibility="direct"),
        "gone": await here.post("ola", "Zaraz zniknie: tajemnica-d #wzornictwo", to_region=True),
    }  # fmt: skip
    posts["answer"] = await here.post("jan", "Gratuluję!", in_reply_to=posts["news"].uri)
    await sister.post("mia", "Die alte Halle öffnet.", kind="news", title="Halle offen", to_region=True)
    await towns.settle()
    await here.erase(posts["gone"])
    await towns.settle()
    return Seen(here, sister, towns, posts)


async def _page(
    town: Town, path: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    town.client.cookies.clear()
    answer = await town.page(path, headers)
    assert answer.status_code == status, (path, answer.text[:300])
    if answer.headers["content-type"].startswith("text/html"):
        check_sound(answer.text)
    return answer


def _links(answer: httpx.Response, path: str) -> list[str]:
    found = html.document_fromstring(answer.text).xpath(path)
    assert isinstance(found, list)
    return [str(one) for one in found]


def _words(answer: httpx.Response, path: str) -> str:
    return str(html.document_fromstring(answer.text).xpath(f"string({path})"))


def _all_pages(seen: Seen) -> list[str]:
    posts = seen.posts
    return [
        "/", "/r/szczecin", "/r/rostock", "/public/cluster", "/public/local", "/tags/wzornictwo",
        "/tags/none", "/@ola", "/@office", "/@mia@rostock.example", f"/@ola/{posts['news'].id}",
        f"/@ola/{posts['project'].id}",
        f"/@ola/{posts['note'].id}", f"/@ola/{posts['unlisted'].id}", f"/@jan/{posts['answer'].id}",
        "/interact", "/interact?uri=acct:ola@szczecin.example", "/intents/follow?object=https://x.example/1",
        "/intents/create?content=%3Cb%3EHallo", "/about",
    ]  # fmt: skip


async def test_every_page_is_sound_in_every_language_and_hides_what_is_hidden(seen: Seen) -> None:
    for path in _all_pages(seen):
        for tag in (None, *PAGE_LANGUAGES):
            answer = await _page(seen.here, path if tag is None else f"/{tag}{path}")
            language = tag or "pl"
            assert _links(answer, "/html/@lang") == [language]
            assert answer.headers["content-language"] == language
            for secret in ("tajemnica-b", "tajemnica-c", "tajemnica-d"):
                assert secret not in answer.text, path
            if str(seen.posts["unlisted"].id) not in path and not path.startswith("/@ola"):
                assert "tajemnica-a" not in answer.text, path
            for name in _links(answer, "//*/@href[starts-with(., '/static/')]"):
                assert (await seen.here.page(name)).status_code == 200


async def test_links_of_pages_lead_to_pages(seen: Seen) -> None:
    waiting, known = ["/"], {"/"}
    while waiting:
        answer = await _page(seen.here, waiting.pop())
        local = [href.partition("#")[0] for href in _links(answer, "//a/@href") if href.startswith("/")]
        for path in local:
            if (
                path
                and path not in known
                and not re.match(r"/(en|pl|de|lt|sv)(/|$)|/nodeinfo|/cluster/", path)
            ):
                known.add(path)
                waiting += [] if path.endswith(".atom") else [path]
    assert {"/r/rostock", "/@ola", "/about", "/@mia@rostock.example"} <= known
    assert len(known) > 15


async def test_the_cluster_home_shows_the_newest_of_all_regions(seen: Seen) -> None:
    text = (await _page(seen.here, "/")).text
    for word in ("Pracownie otwarte", "Halle offen", "@region@rostock.example", "Nabrzeże"):
        assert word in text
    sister = (await _page(seen.sister, "/")).text
    assert "Pracownie otwarte" in sister


async def test_a_region_that_is_alone_has_its_pages(towns: Towns) -> None:
    alone = await towns.found("gdansk", "pl")
    for path in ("/", "/r/gdansk", "/public/cluster", "/public/local", "/about", "/@office", "/interact"):
        await _page(alone, path)
    assert (await alone.page("/r/rostock")).status_code == 404
    assert "Interreg" not in (await _page(alone, "/")).text


async def test_the_home_of_a_region(seen: Seen) -> None:
    own = await _page(seen.here, "/r/szczecin")
    assert "Pracownie otwarte" in own.text
    assert _links(own, "//link[@type='application/activity+json']/@href") == [
        "https://szczecin.example/actors/region"
    ]
    other = await _page(seen.here, "/r/rostock")
    assert "Halle offen" in other.text
    assert _links(other, "//body/@class") == ["r-rostock"]
    await _page(seen.here, "/r/nowhere", 404)


async def test_the_region_and_the_server_have_better_pages_than_a_profile(seen: Seen) -> None:
    for path, better in (
        ("/@region", "/r/szczecin"),
        ("/@region@rostock.example", "/r/rostock"),
        ("/@actor", "/about"),
        ("/@ola@szczecin.example", "/@ola"),
        ("/@OLA", "/@ola"),
        ("/de/@region", "/de/r/szczecin"),
    ):
        answer = await seen.here.page(path)
        assert (answer.status_code, answer.headers["location"]) == (302, better)
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_profile_of_ours_and_of_a_stranger(seen: Seen) -> None:
    ours = await _page(seen.here, "/@ola")
    assert _links(ours, "//link[@rel='canonical']/@href") == ["https://szczecin.example/@ola"]
    assert "tajemnica-a" in ours.text  # unlisted is not in public lists, but on the author's page
    assert ours.headers["link"] == (
        '<https://szczecin.example/actors/ola>; rel="alternate"; type="application/activity+json"'
    )
    assert _links(ours, "//meta[@name='fediverse:creator']/@content") == ["@ola@szczecin.example"]
    stranger = await _page(seen.here, "/@mia@rostock.example")
    assert _links(stranger, "//meta[@name='robots']/@content") == ["noindex"]
    assert _links(stranger, "//meta[@property='og:url']/@content") == ["https://rostock.example/@mia"]
    for missing in ("/@nobody", "/@nobody@rostock.example", "/@mia", "/@", "/@@"):
        await _page(seen.here, missing, 404)


async def test_browsers_and_machines_are_told_apart(seen: Seen) -> None:
    page = await _page(seen.here, "/@ola")
    assert "Accept" in page.headers["vary"]
    document = await seen.here.client.get("/@ola", headers={"Accept": AS2})
    assert document.headers["content-type"].startswith(AS2)
    anything = await seen.here.client.get("/@ola", headers={"Accept": "*/*"})
    assert anything.headers["content-type"].startswith("text/html")


async def test_a_post_with_its_thread(seen: Seen) -> None:
    news = seen.posts["news"]
    path = f"/@ola/{news.id}"
    polish = await _page(seen.here, path)
    assert _links(polish, "//h1/text()") == ["Pracownie otwarte"]
    assert "Jedenaście pokoi czeka." in polish.text
    assert "Gratuluję!" in polish.text
    english = await _page(seen.here, f"/en{path}")
    assert _links(english, "//h1/text()") == ["Studios open"]
    assert "Eleven rooms wait." in english.text
    swedish = await _page(seen.here, f"/sv{path}")
    assert _links(swedish, "//h1/@lang") == ["pl"]
    assert "på polska" in swedish.text
    answer = await _page(seen.here, f"/@jan/{seen.posts['answer'].id}")
    assert path in _links(answer, "//main//a/@href")
    project = await _page(seen.here, f"/@ola/{seen.posts['project'].id}")
    assert project.text.count("<strong>Nabrzeże") == 0  # it is the heading already


async def test_wrong_names_hidden_and_deleted_posts(seen: Seen) -> None:
    posts = seen.posts
    moved = await seen.here.page(f"/lt/@jan/{posts['news'].id}")
    assert (moved.status_code, moved.headers["location"]) == (302, f"/lt/@ola/{posts['news'].id}")
    gone = await _page(seen.here, f"/@ola/{posts['gone'].id}", 410)
    assert 'content="noindex"' in gone.text
    for hidden in (posts["followers"].id, posts["direct"].id, 5, "abc", "9" * 30):
        await _page(seen.here, f"/@ola/{hidden}", 404)
    there = await seen.sister.find(posts["gone"].uri)
    assert there is not None
    await _page(seen.sister, f"/@ola@szczecin.example/{there.id}", 410)


async def test_an_answer_stays_when_what_it_answers_is_deleted(seen: Seen) -> None:
    middle = await seen.here.post("ola", "Środek", in_reply_to=seen.posts["news"].uri)
    await seen.here.post("jan", "Pod spodem", in_reply_to=middle.uri)
    await seen.here.erase(middle)
    text = (await _page(seen.here, f"/en/@ola/{seen.posts['news'].id}")).text
    assert "Pod spodem" in text
    assert "An answer was deleted" in text
    assert "Środek" not in text


async def test_a_long_thread_is_read_in_parts(seen: Seen) -> None:
    root = seen.posts["note"]
    for number in range(70):
        await seen.here.post("jan", f"Odpowiedź nr-{number:03} " + "x" * 200, in_reply_to=root.uri)
    path, found = f"/en/@ola/{root.id}", list[str]()
    for _part in range(9):
        answer = await _page(seen.here, path)
        found += re.findall(r"nr-\d{3}", _words(answer, "//ol"))
        more = _links(answer, "//a[text()='More answers']/@href")
        if not more:
            break
        path = more[0]
    assert found == [f"nr-{number:03}" for number in range(70)]
    await _page(seen.here, f"/@ola/{root.id}?after=x", 400)


@pytest.mark.parametrize(
    ("path", "kinds"),
    [("/public/local", {}), ("/public/cluster", {"to_region": True}), ("/tags/szereg", {"tags": ("szereg",)}),
     ("/r/szczecin", {"to_region": True}), ("/@ola", {})],
)  # fmt: skip
async def test_older_and_newer_walk_over_all_posts_once(
    seen: Seen, path: str, kinds: Mapping[str, object]
) -> None:
    for number in range(45):
        seen.here.clock.forward(minutes=1)
        await seen.here.post("ola", f"Wpis nr-{number:03}", **kinds)
    await seen.towns.settle()
    older = await _walk(seen.here, path, "next")
    assert [one for one in older if one in {f"nr-{n:03}" for n in range(45)}] == [
        f"nr-{number:03}" for number in reversed(range(45))
    ]
    last = seen.posts["news"].id - (1 << 40)
    newer = await _walk(seen.here, f"{path}?after={last}", "prev")
    assert sorted(newer) == sorted(older)


async def _walk(town: Town, path: str, rel: str) -> list[str]:
    found: list[str] = []
    for _part in range(12):
        answer = await _page(town, path)
        shown, others = _words(answer, "//main"), _words(answer, "//section[@aria-labelledby='others']")
        found += re.findall(r"nr-\d{3}", shown.replace(others, "") if others else shown)
        further = _links(answer, f"//main//nav[@class='pages']//a[@rel='{rel}']/@href")
        if not further:
            return found
        path = further[0]
    raise AssertionError("the list has no end")


async def test_odd_parts_are_refused(seen: Seen) -> None:
    for path in ("/public/local", "/public/cluster", "/r/szczecin", "/@ola", "/tags/wzornictwo"):
        for query in ("before=x", "after=-1", "before=1&after=2", "after=" + "9" * 40):
            await _page(seen.here, f"{path}?{query}", 400)


async def test_a_hashtag_is_one_however_it_is_written(seen: Seen) -> None:
    text = (await _page(seen.here, "/tags/wzornictwo")).text
    assert "Pracownie otwarte" in text
    assert "bez" in text
    moved = await seen.here.page("/tags/Wzornictw%C3%B3")
    assert moved.headers["location"] == "/tags/wzornictwo"
    empty = await _page(seen.here, "/tags/none")
    assert 'content="noindex"' in empty.text


async def test_the_language_comes_by_path_cookie_header_and_instance(seen: Seen) -> None:
    by_path = await _page(seen.here, "/de/", headers={"Accept-Language": "sv", "Cookie": "lang=lt"})
    assert _links(by_path, "/html/@lang") == ["de"]
    cookie = by_path.headers["set-cookie"]
    for part in ("lang=de", "Path=/", "SameSite=lax", "Secure", "HttpOnly", "Max-Age=31536000"):
        assert part in cookie
    by_cookie = await _page(seen.here, "/", headers={"Accept-Language": "sv", "Cookie": "lang=lt"})
    assert _links(by_cookie, "/html/@lang") == ["lt"]
    assert "set-cookie" not in by_cookie.headers
    by_header = await _page(seen.here, "/", headers={"Accept-Language": "fr, sv;q=0.5"})
    assert _links(by_header, "/html/@lang") == ["sv"]
    assert _links(await _page(seen.here, "/"), "/html/@lang") == ["pl"]
    again = await seen.here.page("/de/r/szczecin/")
    assert again.headers["location"] == "https://szczecin.example/de/r/szczecin"
    await _page(seen.here, "/de/de/r/szczecin", 404)


async def test_every_answer_has_the_standing_headers(seen: Seen) -> None:
    paths = ["/", "/nothing", "/feed.atom", "/@region", "/actors/ola", "/robots.txt", "/interact"]
    for path in paths:
        headers = (await seen.here.page(path)).headers
        assert headers["content-security-policy"] == CSP
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["strict-transport-security"] == "max-age=31536000"
    page = await _page(seen.here, "/")
    assert page.headers["vary"] == "Accept, Accept-Language, Cookie"


async def test_heads_and_methods(seen: Seen) -> None:
    for path in ("/", "/@ola", "/feed.atom", f"/@ola/{seen.posts['news'].id}"):
        answer = await seen.here.client.head(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200
    refused = await seen.here.client.post("/about", headers={"Accept": "text/html"})
    assert refused.status_code == 405
    assert "GET" in refused.headers["allow"]


async def test_small_files(seen: Seen) -> None:
    icon = await seen.here.page("/favicon.ico")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert "style-src 'unsafe-inline'" in icon.headers["content-security-policy"]
    home = await _page(seen.here, "/")
    style = await seen.here.page(_links(home, "//link[@rel='stylesheet']/@href")[0])
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    await _page(seen.here, "/static/style.000000000000.css", 404)
    assert "Disallow: /interact" in (await seen.here.page("/robots.txt")).text


async def test_about_names_the_sisters_and_their_state(seen: Seen) -> None:
    text = (await _page(seen.here, "/en/about")).text
    for word in ("rostock.example", "member since", "@office@szczecin.example", "fedi-cluster 0."):
        assert word in text


async def test_a_bad_address_of_an_author_breaks_no_page(seen: Seen) -> None:
    async def write() -> Post:
        author = await seen.here.person("ola")
        command = WritePost("Tekst \u0001 bez \ufffe sensu", "pl", to_region=True)
        return await seen.here.house.db.write(write_post, seen.here.house.at, author, command)

    post = await write()
    await seen.towns.settle()
    await _page(seen.here, f"/@ola/{post.id}")
    assert (await seen.here.page("/feed.atom")).status_code == 200


async def test_an_address_with_a_nul_is_told_so(seen: Seen) -> None:
    for path in ("/tags/a%00b", "/@ola%00", "/interact?uri=https://x.example/%00"):
        assert (await seen.here.page(path)).status_code == 404


async def test_without_the_database_a_page_says_when_to_come_again(towns: Towns) -> None:
    town = await towns.found("gdansk")
    town.house.db.close()
    error = await _page(town, "/", 503)
    assert error.headers["retry-after"] == "30"
