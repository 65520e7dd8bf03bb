"""What was made once is sent again, and never a moment longer than it is true: documents, pages and feeds."""

import re

import httpx
import pytest
import sqlalchemy as sa

from fedi_cluster.community.posts import actions as posts
from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.actions import announce, like, unlike
from fedi_cluster.kernel.json import parse_object
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.actors import actor_key
from fedi_cluster.storage.unit import Unit
from tests.builders import remote_post
from tests.towns.stranger import stranger
from tests.towns.town import AS2, Town, Towns, keys_for

pytestmark = pytest.mark.anyio


async def read(town: Town, path: str, accept: str = "text/html", **headers: str) -> httpx.Response:
    town.client.cookies.clear()
    return await town.client.get(path, headers={"Accept": accept} | headers)


async def again(town: Town, path: str, accept: str = "text/html") -> httpx.Response:
    """Asked twice: the second answer is the kept one, and says the same with the same headers."""
    first, second = await read(town, path, accept), await read(town, path, accept)
    assert second.status_code == first.status_code == 200, first.text
    assert second.content == first.content
    told = [
        [(name, value) for name, value in one.headers.items() if name != "x-request-id"]
        for one in (first, second)
    ]
    assert told[0] == told[1]
    return second


async def test_kept_answers_have_an_etag_and_304(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Raz na zawsze", to_region=True)
    await szczecin.work()
    ola = post.author
    pages = ["/", "/r/szczecin", "/public/local", "/@ola", f"/@ola/{post.id}", "/feed.atom", "/about"]
    documents = [ola.uri, post.uri, szczecin.house.at.instance_actor, f"{ola.uri}/outbox", "/nodeinfo/2.1"]
    finger = "/.well-known/webfinger?resource=acct:ola@szczecin.example"
    for path, accept in [
        *((path, "text/html") for path in pages),
        *((one, AS2) for one in (*documents, finger)),
    ]:
        answer = await again(szczecin, path, accept)
        etag = answer.headers["etag"]
        assert re.fullmatch(r'"[0-9a-f]{24}"', etag), path
        assert answer.headers["cache-control"] == "no-cache", path
        for wanted in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            unchanged = await read(szczecin, path, accept, **{"If-None-Match": wanted})
            assert (unchanged.status_code, unchanged.content) == (304, b""), path
            assert unchanged.headers["etag"] == etag
            assert unchanged.headers.get("vary") == answer.headers.get("vary")
        assert (await read(szczecin, path, accept, **{"If-None-Match": '"other"'})).status_code == 200
        head = await szczecin.client.head(path, headers={"Accept": accept})
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag), path
        assert head.headers["content-length"] == str(len(answer.content))


async def test_pages_and_documents_of_one_address_are_told_apart(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Dwie postacie")
    path = f"/@ola/{post.id}"
    for _ in range(2):
        page, document = await read(szczecin, path), await read(szczecin, path, AS2)
        assert page.headers["content-type"].startswith("text/html")
        assert parse_object(document.content)["id"] == post.uri
        assert page.headers["etag"] != document.headers["etag"]
        assert "accept" in page.headers["vary"].lower()
        assert page.headers["content-security-policy"]
        assert "content-security-policy" not in document.headers


async def test_each_language_has_its_own_and_keeps_its_cookie(szczecin: Town) -> None:
    await szczecin.post("ola", "Wiele mów", to_region=True)
    await szczecin.work()
    seen = set()
    for tag in PAGE_LANGUAGES:
        plain = [await read(szczecin, "/r/szczecin", **{"Accept-Language": tag}) for _ in range(2)]
        by_path = [await read(szczecin, f"/{tag}/r/szczecin") for _ in range(2)]
        known = await read(szczecin, f"/{tag}/r/szczecin", Cookie=f"lang={tag}")
        assert {one.headers["content-language"] for one in (*plain, *by_path, known)} == {tag}
        assert plain[0].content == plain[1].content
        assert all("set-cookie" in one.headers for one in by_path)
        assert "set-cookie" not in known.headers
        seen |= {plain[1].content, by_path[1].content}
    assert len(seen) == 2 * len(PAGE_LANGUAGES)


async def everywhere(town: Town, paths: list[str]) -> str:
    """All these pages in all languages, from where they may be kept to where they must not."""
    found = []
    for tag in PAGE_LANGUAGES:
        for path in paths:
            answer = await read(town, f"/{tag}{path}")
            found.append(answer.text if answer.status_code == 200 else "")
    return "\n".join(found)


async def test_an_edit_and_a_deletion_are_seen_at_once_everywhere(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Stary tekst #morze", to_region=True)
    await szczecin.work()
    own = f"/@ola/{post.id}"
    lists = ["/", "/r/szczecin", "/public/cluster", "/public/local", "/@ola", "/tags/morze"]
    feeds = ["/feed.atom", "/r/szczecin/feed.atom", "/public/local/feed.atom", "/@ola/feed.atom"]
    paths = [*lists, *feeds, own]
    before = await everywhere(szczecin, paths)
    assert before.count("Stary tekst") >= len(paths) * len(PAGE_LANGUAGES)
    document = parse_object((await again(szczecin, post.uri, AS2)).content)
    szczecin.clock.forward(seconds=2)
    await szczecin.edit(post, "Nowy tekst #morze")
    after = await everywhere(szczecin, paths)
    assert "Stary tekst" not in after
    assert after.count("Nowy tekst") >= len(paths) * len(PAGE_LANGUAGES)
    edited = parse_object((await again(szczecin, post.uri, AS2)).content)
    assert "Nowy tekst" in str(edited["content"])
    assert edited["updated"] != document.get("updated")
    await szczecin.erase(post)
    assert "Nowy tekst" not in await everywhere(szczecin, paths)
    for _ in range(2):
        assert (await read(szczecin, post.uri, AS2)).status_code == 410
        assert (await read(szczecin, own)).status_code == 410


async def test_two_edits_of_one_second_are_told_apart(sea: Towns, szczecin: Town) -> None:
    far = stranger(sea, "elsewhere.example")
    mia = await szczecin.house.federation.actors.ensure(far.person("mia").uri)
    assert mia is not None
    moment = szczecin.clock.now()

    uri = "https://elsewhere.example/notes/1"

    def publish(unit: Unit) -> None:
        posts.publish(unit, mia, remote_post(unit, uri, content="<p>Raz</p>", published_at=moment))

    def edit(unit: Unit, text: str) -> None:
        known = queries.by_uri(unit, uri)
        assert known is not None
        changed = remote_post(unit, uri, content=f"<p>{text}</p>", published_at=moment, updated_at=moment)
        assert posts.edit(unit, mia, known, changed)

    await szczecin.house.db.write(publish)
    page = "/@mia@elsewhere.example"
    for text in ("Dwa", "Trzy", "Cztery"):
        await szczecin.house.db.write(edit, text)
        assert f"<p>{text}</p>" in (await again(szczecin, page)).text


async def test_totals_are_seen_at_once(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Policz mnie")
    jan = await szczecin.person("jan")

    async def totals() -> tuple[object, object]:
        document = parse_object((await again(szczecin, post.uri, AS2)).content)
        likes, shares = document["likes"], document["shares"]
        assert isinstance(likes, dict)
        assert isinstance(shares, dict)
        return likes["totalItems"], shares["totalItems"]

    write = szczecin.house.db.write
    assert await totals() == (0, 0)
    await write(like, jan, post, "https://szczecin.example/l/1")
    assert await totals() == (1, 0)
    await write(announce, jan, post, "https://szczecin.example/a/1")
    assert await totals() == (1, 1)
    await write(unlike, jan, post)
    assert await totals() == (0, 1)
    assert "Policz mnie" in (await again(szczecin, "/@jan")).text
    await szczecin.post("jan", "Odpowiedź", in_reply_to=post.uri)
    assert "#answers" in (await again(szczecin, "/@ola")).text


async def test_a_name_and_a_key_are_seen_at_once(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Kto to napisał", to_region=True)
    await szczecin.work()
    ola = post.author
    paths = ["/r/szczecin", "/@ola", f"/@ola/{post.id}", "/public/local", "/feed.atom"]
    await everywhere(szczecin, paths)
    old = parse_object((await again(szczecin, ola.uri, AS2)).content)
    signed = parse_object((await again(szczecin, post.uri, AS2)).content)
    finger = "/.well-known/webfinger?resource=acct:ola@szczecin.example"
    await again(szczecin, finger, AS2)
    fresh, public = keys_for(f"{ola.uri}#another")

    def change(unit: Unit) -> None:
        keys = [
            {
                "id": key.id.replace("#another", ""),
                "owner": ola.uri,
                "kind": key.kind,
                "material": key.material,
            }
            for key in public
        ]
        row = sa.update(actor_table).where(actor_table.c.id == ola.id)
        unit.connection.execute(row.values(name="Aleksandra Nowa", keys=keys))
        own = sa.update(actor_key).where(actor_key.c.actor_id == ola.id)
        unit.connection.execute(own.values(rsa_pem=fresh.rsa_pem, ed25519_pem=fresh.ed25519_pem))

    await szczecin.house.db.write(change)
    assert (await everywhere(szczecin, paths)).count("Aleksandra Nowa") >= len(paths) * len(PAGE_LANGUAGES)
    new = parse_object((await again(szczecin, ola.uri, AS2)).content)
    assert (new["name"], new["publicKey"] != old["publicKey"]) == ("Aleksandra Nowa", True)
    resigned = parse_object((await again(szczecin, post.uri, AS2)).content)
    assert resigned["proof"] != signed["proof"]
    assert {name: value for name, value in resigned.items() if name != "proof"} == {
        name: value for name, value in signed.items() if name != "proof"
    }


async def test_a_new_sister_is_named_on_kept_pages_at_once(sea: Towns, szczecin: Town) -> None:
    await szczecin.post("ola", "Sąsiedzi", to_region=True)
    await szczecin.work()
    paths = ["/", "/r/szczecin", "/public/local", "/@ola"]
    assert "/r/rostock" not in await everywhere(szczecin, paths)
    rostock = await sea.found("rostock", "de")
    await sea.join(rostock, szczecin)
    assert (await everywhere(szczecin, paths)).count("/r/rostock") >= len(paths) * len(PAGE_LANGUAGES)
