"""Keys and actors of strangers that are not what they should be."""

from typing import Any

import pytest

from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.kernel.json import Json
from tests.journeys.door import Door
from tests.towns.stranger import Forgery, Guest, stranger
from tests.towns.town import pair_for

pytestmark = pytest.mark.anyio


async def test_a_key_of_a_foreign_owner(door: Door) -> None:
    victim = stranger(door.sea, "victim.example")
    vera = victim.person("vera")
    key_id = f"{door.there.base}/keys/1"
    document: Json = door.there.rsa_key(door.mia) | {"id": key_id, "owner": vera.uri}
    door.there.serve("/keys/1", document)
    said = victim.activity(vera, "Follow", door.town.house.at.region)
    answer = await door.there.post(door.town, door.mia, said, forged=Forgery(key_id=key_id))
    await door.refuses(answer, 401, reads=1)
    assert {one.url for one in door.sea.network.log[door.so_far :]} == {key_id}


async def test_a_key_that_its_owner_does_not_name(door: Door) -> None:
    tom = door.there.person("tom")
    key_id = f"{door.there.base}/keys/2"
    door.there.serve("/keys/2", door.there.rsa_key(door.mia) | {"id": key_id, "owner": tom.uri})
    said = door.there.activity(tom, "Follow", door.town.house.at.region)
    answer = await door.there.post(door.town, door.mia, said, forged=Forgery(key_id=key_id))
    await door.refuses(answer, 401, reads=2)


async def test_keys_in_documents_of_their_own(door: Door) -> None:
    there, town = door.there, door.town
    for name, form, served in (
        ("stub", "cavage", lambda guest: {"id": guest.uri, "publicKey": there.rsa_key(guest)}),
        ("bare", "cavage", there.rsa_key),
        ("multi", "ed25519", there.ed25519_key),
    ):
        key_id = f"{there.base}/users/{name}/key"
        guest = there.person(name)
        key = (there.ed25519_key if form == "ed25519" else there.rsa_key)(guest) | {"id": key_id}
        member = "assertionMethod" if form == "ed25519" else "publicKey"
        changes: dict[str, Any] = {member: key}
        there.person(name, **changes)
        document: Json = served(guest)
        alone: Json = document | ({"publicKey": key} if name == "stub" else {"id": key_id})
        there.serve(f"/users/{name}/key", alone)
        said = there.activity(guest, "Follow", town.house.at.region)
        answer = await there.post(town, guest, said, form=form, forged=Forgery(key_id=key_id))  # type: ignore[arg-type]
        assert answer.status_code == 202, (name, answer.text)


@pytest.mark.parametrize(
    "served",
    [
        {"content_type": "text/html"},
        {"content_type": "application/json"},
        {"content_type": "text/plain"},
        {"content_type": "application/octet-stream"},
        {"content_type": ""},
        {"content_type": "application/ld+json"},
        {"status": 404},
        {"status": 500},
        {"status": 302, "location": "https://victim.example/users/mia"},
        {"status": 302, "location": "http://127.0.0.1:5432/"},
        {"status": 302, "location": "file:///etc/passwd"},
    ],
)
async def test_an_actor_that_is_not_there_as_it_should(door: Door, served: dict[str, object]) -> None:
    victim = stranger(door.sea, "victim.example")
    document = door.there.served["/users/mia"].body
    victim.serve("/users/mia", document)
    door.there.serve("/users/mia", document, **served)  # type: ignore[arg-type]
    answer = await door.post()
    reads = 2 if "victim" in str(served) else 1
    await door.refuses(answer, 401, reads)
    # A failure is remembered: a flood costs its target nothing.
    await door.refuses(await door.post(), 401, reads)
    assert all(b"private" not in sent.body for sent in door.sea.network.log[door.so_far :])


async def test_an_actor_that_names_another_id(door: Door) -> None:
    tom = door.there.person("tom")
    door.there.served["/users/mia"] = door.there.served["/users/tom"]
    await door.refuses(await door.post(), 401, reads=1)
    await door.refuses(await door.post(door.wish | {"actor": tom.uri}), 401, reads=1)


async def test_an_actor_that_is_gone(door: Door) -> None:
    door.there.serve("/users/mia", {"type": "Tombstone", "id": door.mia.uri}, 410)
    await door.refuses(await door.post(), 410, reads=1)


async def test_a_server_that_is_down_is_asked_once(door: Door) -> None:
    door.sea.network.down(door.there.host)
    for _again in range(5):
        await door.refuses(await door.post(), 401, reads=1)


async def test_a_changed_key_is_read_again_once(door: Door) -> None:
    await door.there.say(door.town, door.mia, door.wish)
    door.sea.clock.forward(minutes=10)
    fresh = PrivateKeys(door.mia.uri, *pair_for("stranger mia later"))
    later = Guest(door.mia.uri, "mia", fresh)
    door.there.person("mia", publicKey=door.there.rsa_key(later))
    note = door.there.activity(later, "Follow", door.town.house.at.region)
    assert (await door.there.post(door.town, later, note)).status_code == 202
    # The old one is worth nothing any more.
    assert (
        await door.post(door.there.activity(door.mia, "Follow", "https://x.example/y"))
    ).status_code == 401
