"""What other servers read here: found by name and address, told from pages, signed, and nothing hidden."""

from typing import cast

import pytest

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof
from fedi_cluster.federation.vocab.actors import keys as keys_in
from fedi_cluster.kernel.json import Json, parse_object
from tests.towns.stranger import stranger
from tests.towns.town import AS2, Town, Towns

pytestmark = pytest.mark.anyio

LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
AS = "https://www.w3.org/ns/activitystreams"


async def finger(town: Town, resource: str | None, status: int = 200) -> Json:
    """WebFinger's answer."""
    params = {} if resource is None else {"resource": resource}
    answer = await town.client.get("/.well-known/webfinger", params=params)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.headers["content-type"] == "application/jrd+json"
        assert answer.headers["access-control-allow-origin"] == "*"
    else:
        assert answer.headers["content-type"] == "application/problem+json"
    return parse_object(answer.content)


def self_of(found: Json) -> str:
    """The one id that it names."""
    links = [one for one in cast("list[Json]", found["links"]) if one["rel"] == "self"]
    assert [one["type"] for one in links] == [AS2]
    return str(links[0]["href"])


async def check_proof(town: Town, document: Json, *, author: str | None = None) -> None:
    """The document's proof fits the key that its owner shows at its own id."""
    key_id = proof_key_id(document)
    assert key_id is not None
    owner = await town.document(key_id.partition("#")[0])
    (key,) = [key for key in keys_in(owner) if key.id == key_id]
    found = PublicKey(key.id, key.owner, "ed25519", key.material)
    verify_proof(document, found, town.clock.now(), author=author)


async def test_people_are_found_by_each_of_their_names(szczecin: Town) -> None:
    ola = await szczecin.person("ola")
    base = szczecin.house.at.base
    for resource in (
        "acct:ola@szczecin.example",
        "acct:OLA@szczecin.example",
        "acct:ola@SZCZECIN.example",
        "ola@szczecin.example",
        "@ola@szczecin.example",
        ola.uri,
        f"{base}/@ola",
    ):
        found = await finger(szczecin, resource)
        assert (found["subject"], self_of(found)) == ("acct:ola@szczecin.example", ola.uri), resource
        assert set(cast("list[str]", found["aliases"])) == {ola.uri, f"{base}/@ola"}


async def test_the_region_and_the_server_are_found_too(szczecin: Town) -> None:
    at = szczecin.house.at
    for resource in ("acct:region@szczecin.example", at.region, f"{at.base}/r/szczecin"):
        assert self_of(await finger(szczecin, resource)) == at.region
    assert self_of(await finger(szczecin, "acct:szczecin.example@szczecin.example")) == at.instance_actor
    for resource in (at.base, f"{at.base}/"):
        (link,) = cast("list[Json]", (await finger(szczecin, resource))["links"])
        assert (link["rel"], link["href"]) == (f"{AS}#Service", at.instance_actor)


async def test_what_is_not_here_is_not_found(sea: Towns, szczecin: Town) -> None:
    mia = stranger(sea, "elsewhere.example").person("mia")
    await szczecin.house.federation.actors.ensure(mia.uri)
    for resource in (
        "acct:nobody@szczecin.example",
        "acct:ola@elsewhere.example",
        "acct:mia@elsewhere.example",
        mia.uri,
        "https://szczecin.example/@nobody",
        "https://szczecin.example.evil.example/@ola",
        "acct:@szczecin.example",
        "acct:ola",
        "nonsense",
        "acct:" + "x" * 3_000,
        "acct:o\u0000la@szczecin.example",
        "acct:ola' OR 1=1--@szczecin.example",
    ):
        await finger(szczecin, resource, 404)
    await finger(szczecin, None, 400)
    await finger(szczecin, "", 400)


async def test_host_meta_and_nodeinfo(szczecin: Town) -> None:
    await szczecin.post("ola", "Jeden")
    await szczecin.work()
    base = szczecin.house.at.base
    template = f"{base}/.well-known/webfinger?resource={{uri}}"
    xml = await szczecin.client.get("/.well-known/host-meta")
    assert (xml.headers["content-type"].partition(";")[0], template in xml.text) == (
        "application/xrd+xml",
        True,
    )
    assert template in (await szczecin.client.get("/.well-known/host-meta.json")).text
    links = (await szczecin.client.get("/.well-known/nodeinfo")).json()["links"]
    assert {one["rel"] for one in links} == {
        "http://nodeinfo.diaspora.software/ns/schema/2.0",
        "http://nodeinfo.diaspora.software/ns/schema/2.1",
        f"{AS}#Application",
    }
    for version in ("2.0", "2.1"):
        answer = await szczecin.client.get(f"/nodeinfo/{version}")
        schema = f'profile="http://nodeinfo.diaspora.software/ns/schema/{version}#"'
        assert answer.headers["content-type"] == f"application/json; {schema}"
        found = answer.json()
        assert (found["version"], found["software"]["name"]) == (version, "fedi-cluster")
        assert found["protocols"] == ["activitypub"]
        assert found["usage"]["users"]["total"] >= 1
        assert found["usage"]["localPosts"] >= 1
        assert ("repository" in found["software"]) <= (version == "2.1")
    assert (await szczecin.client.get("/nodeinfo/3.0")).status_code == 404


@pytest.mark.parametrize("accept", [AS2, LD, "application/json", f"text/plain, {AS2};q=0.9, text/html"])
async def test_ids_answer_machines_with_signed_documents(szczecin: Town, accept: str) -> None:
    ola = await szczecin.person("ola")
    post = await szczecin.post("ola", "Podpisane", to_region=True)
    for uri in (ola.uri, szczecin.house.at.region, szczecin.house.at.instance_actor, post.uri):
        answer = await szczecin.client.get(uri, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == AS2
        assert "accept" in answer.headers["vary"].lower()
        document = parse_object(answer.content)
        assert document["id"] == uri
        await check_proof(szczecin, document)


async def test_a_page_asked_for_by_a_machine_is_the_document(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Strona")
    at = szczecin.house.at
    pages = {at.profile("ola"): at.actor("ola"), post.url: post.uri, at.region_page("szczecin"): at.region}
    for page, uri in pages.items():
        assert (await szczecin.document(page))["id"] == uri
    await szczecin.document(at.region_page("rostock"), 404)


async def test_a_browser_at_an_id_is_sent_to_the_page(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Dla ludzi")
    at = szczecin.house.at
    for uri, page in (
        (at.actor("ola"), at.profile("ola")),
        (at.region, at.region_page("szczecin")),
        (at.instance_actor, f"{at.base}/"),
        (post.uri, post.url),
    ):
        answer = await szczecin.page(uri.removeprefix(at.base))
        assert (answer.status_code, answer.headers["location"]) == (302, page)
        assert "accept" in answer.headers["vary"].lower()
    assert (await szczecin.page("/objects/1")).status_code == 404


async def test_the_instance_actor_is_read_without_a_signature(szczecin: Town) -> None:
    found = await szczecin.document(szczecin.house.at.instance_actor)
    assert found["type"] == "Application"
    keys = {key.kind: key.owner for key in keys_in(found)}
    assert keys == dict.fromkeys(("rsa", "ed25519"), szczecin.house.at.instance_actor)


async def walk(town: Town, collection: str) -> list[Json]:
    """All items of an outbox, page by page."""
    document = await town.document(collection)
    items: list[Json] = []
    following = cast("str | None", document["first"])
    pages = 0
    while following is not None:
        page = await town.document(following)
        assert (page["type"], page["partOf"], page["id"]) == ("OrderedCollectionPage", collection, following)
        items += cast("list[Json]", page["orderedItems"])
        following = cast("str | None", page.get("next"))
        pages += 1
        assert pages < 20
    assert document["totalItems"] == len(items)
    return items


async def test_an_outbox_holds_every_public_post_once(szczecin: Town) -> None:
    public, gone = [], []
    for number in range(44):
        public.append(await szczecin.post("pisarz", f"Wpis {number}", to_region=number % 2 == 0))
        if number % 11 == 0:
            await szczecin.post("pisarz", "Cicho", visibility="followers")
            gone.append(await szczecin.post("pisarz", "Zniknie", to_region=True))
        szczecin.clock.forward(seconds=2)
    await szczecin.work()
    await szczecin.edit(public[0], "Poprawione")
    for post in gone:
        await szczecin.erase(post)
    await szczecin.work()
    items = await walk(szczecin, f"{szczecin.house.at.actor('pisarz')}/outbox")
    assert {one["type"] for one in items} == {"Create"}
    objects = [cast(Json, one["object"]) for one in items]
    assert [one["id"] for one in objects] == [post.uri for post in reversed(public)]
    assert "Poprawione" in str(objects[-1]["content"])
    announced = await walk(szczecin, f"{szczecin.house.at.region}/outbox")
    ids = [one["object"] for one in announced]
    assert len(ids) == len(set(map(str, ids)))
    assert {post.uri for post in public[::2]} <= set(ids)
    assert not {post.uri for post in gone} & set(ids)
    for activity in (items[0], announced[0]):
        await check_proof(szczecin, await szczecin.document(str(activity["id"])))
    await szczecin.document(f"{szczecin.house.at.region}/outbox?page=true&before=soon", 400)


async def test_followers_are_a_number(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "crowd.example"), await szczecin.person("lubiana")
    for number in range(3):
        guest = there.person(f"f{number}", keys_of="mia")
        await there.say(szczecin, guest, there.activity(guest, "Follow", ola.uri))
    for name, total in (("followers", 3), ("following", 0)):
        found = await szczecin.document(f"{ola.uri}/{name}")
        assert (found["type"], found["totalItems"]) == ("OrderedCollection", total)
        assert not {"items", "orderedItems", "first"} & found.keys()
        assert "crowd.example" not in str(found)


async def test_answers_and_the_thread(szczecin: Town) -> None:
    root = await szczecin.post("ola", "Pytanie")
    answers = []
    for number in range(23):
        szczecin.clock.forward(seconds=2)
        answers.append(await szczecin.post("jan", f"Odpowiedź {number}", in_reply_to=root.uri))
    hidden = await szczecin.post("jan", "Cicho", in_reply_to=root.uri, visibility="direct")
    for name, start in (("replies", []), ("context", [root.uri])):
        found = await szczecin.document(f"{root.uri}/{name}")
        page, seen = cast(Json, found["first"]), cast("list[str]", [])
        while True:
            seen += cast("list[str]", page["orderedItems"])
            if "next" not in page:
                break
            page = await szczecin.document(str(page["next"]))
        assert seen == [*start, *(one.uri for one in answers)]
        assert found["totalItems"] == len(seen)
        assert hidden.uri not in seen


@pytest.mark.parametrize("visibility", ["followers", "direct"])
async def test_what_is_not_for_all_looks_like_nothing(szczecin: Town, visibility: str) -> None:
    secret = await szczecin.post("ola", "Tajne @jan", visibility=visibility)
    await szczecin.work()
    activity = szczecin.house.at.activity(secret.id)
    for hidden, nothing in (
        (secret.uri, f"{szczecin.house.at.base}/objects/123456789"),
        (activity, f"{activity}0"),
    ):
        for accept in (AS2, "text/html"):
            there, nowhere = [
                await szczecin.client.get(one, headers={"Accept": accept}) for one in (hidden, nothing)
            ]
            assert (there.status_code, nowhere.status_code) == (404, 404)
            if accept == AS2:
                assert there.content == nowhere.content
            assert "Tajne" not in there.text
    for name in ("replies", "context", "likes", "shares"):
        await szczecin.document(f"{secret.uri}/{name}", 404)
    page = await szczecin.page(secret.url.removeprefix(szczecin.house.at.base))
    assert page.status_code == 404
    assert "Tajne" not in page.text


async def test_what_was_deleted_leaves_a_signed_tombstone(szczecin: Town) -> None:
    post = await szczecin.post("ola", "Krótkie życie", to_region=True)
    await szczecin.work()
    create = szczecin.house.at.activity(post.id)
    await szczecin.document(create)
    await szczecin.erase(post)
    await szczecin.work()
    for address in (post.uri, post.url):
        found = await szczecin.document(address, 410)
        assert (found["id"], found["type"], found["formerType"]) == (post.uri, "Tombstone", "Note")
        assert "Krótkie" not in str(found)
        await check_proof(szczecin, found, author=post.author.uri)
    await szczecin.document(create, 404)
    page = await szczecin.page(post.url.removeprefix(szczecin.house.at.base))
    assert page.status_code == 410
    assert "Krótkie" not in page.text
    # Nobody ever heard of a private one, and nobody hears that it is gone.
    secret = await szczecin.post("ola", "Tajne", visibility="followers")
    await szczecin.erase(secret)
    await szczecin.document(secret.uri, 404)


async def test_a_deleted_account_is_gone_and_its_name_stays_taken(szczecin: Town) -> None:
    ewa = await szczecin.person("ewa")
    await szczecin.house.db.write(actor_actions.delete_actor, ewa)
    found = await szczecin.document(ewa.uri, 410)
    assert (found["type"], found["formerType"]) == ("Tombstone", "Person")
    await finger(szczecin, "acct:ewa@szczecin.example", 404)
    answer = await szczecin.client.post("/actors/ewa/inbox", content=b"{}", headers={"Content-Type": AS2})
    assert answer.status_code == 404


async def test_wrong_addresses_and_methods_are_answered_with_problems(szczecin: Town) -> None:
    for method, path, status in (
        ("GET", "/objects/abc", 404),
        ("GET", "/objects/-1", 404),
        ("GET", "/objects/99999999999999999999999", 404),
        ("GET", "/activities/abc", 404),
        ("GET", "/actors/NOBODY", 404),
        ("GET", "/actors/o%00la", 404),
        ("GET", "/@o%00la", 404),
        ("GET", "/@mia@elsewhere%00.example", 404),
        ("GET", "/inbox", 405),
        ("PUT", "/inbox", 405),
        ("GET", "/cluster/members", 404),
    ):
        answer = await szczecin.client.request(method, path, headers={"Accept": AS2})
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
