"""What passes the door and is still not true: objects, origins and authors that are somebody else's."""

from dataclasses import dataclass

import pytest

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.tables.instances import instance as instance_table
from fedi_cluster.storage.unit import Unit
from tests.towns.looking import between, follow, row_counts, verdicts
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

_NUMBERS = iter(range(10_000))


@dataclass(frozen=True, slots=True)
class Scene:
    """mia of `evil` is followed here and lies; vera of `victim` is followed, too, and is lied about."""

    sea: Towns
    town: Town
    evil: Stranger
    mia: Guest
    victim: Stranger
    vera: Guest

    async def find(self, uri: object) -> Post | None:
        """The post as the town has it."""
        return await self.town.find(str(uri))

    async def said(self, activity: Json) -> str:
        """mia delivers it; the state of the activity after the town worked it."""
        await self.evil.say(self.town, self.mia, activity)
        ((state, _why),) = await verdicts(self.town, activity["id"])
        return state

    async def published(self, text: str, **more: object) -> Json:
        """A genuine post of vera, which the town has."""
        note = self.victim.note(self.vera, text, **more)
        await self.victim.say(self.town, self.vera, self.victim.create(self.vera, note))
        assert await self.find(note["id"]) is not None
        return note


@pytest.fixture
async def scene(sea: Towns, szczecin: Town) -> Scene:
    """Fresh hosts for each test."""
    number = next(_NUMBERS)
    evil, victim = stranger(sea, f"evil{number}.example"), stranger(sea, f"victim{number}.example")
    mia, vera = evil.person("mia"), victim.person("vera")
    for there, guest in ((evil, mia), (victim, vera)):
        ours, _theirs = await follow(szczecin, "ola", guest.uri)
        await szczecin.work()
        await there.say(szczecin, guest, there.activity(guest, "Accept", there.heard("Follow")[0]))
        found = await between(szczecin, ours.uri, guest.uri)
        assert found is not None
        assert found.state == "accepted"
    return Scene(sea, szczecin, evil, mia, victim, vera)


async def test_nobody_publishes_on_another_server(scene: Scene) -> None:
    note = scene.victim.note(scene.vera, "Echt") | {"content": "<p>Gefälscht</p>"}
    for forged in (note, note | {"attributedTo": scene.mia.uri}, note["id"]):
        assert await scene.said(scene.evil.activity(scene.mia, "Create", forged, to=[PUBLIC])) == "refused"
    assert await scene.find(note["id"]) is None


async def test_a_post_of_ours_is_never_taken_from_outside(scene: Scene) -> None:
    mine = await scene.town.post("ola", "Moje")
    ours = f"{scene.town.house.at.base}/objects/1"
    for uri in (mine.uri, ours):
        note = scene.evil.note(scene.mia, "Fremd") | {"id": uri}
        assert await scene.said(scene.evil.activity(scene.mia, "Create", note)) == "refused"
        assert await scene.said(scene.evil.activity(scene.mia, "Update", note)) == "refused"
        assert await scene.said(scene.evil.activity(scene.mia, "Delete", uri)) == "refused"
    found = await scene.find(mine.uri)
    assert found is not None
    assert found.content == mine.content
    assert found.deleted_at is None
    assert await scene.find(ours) is None


@pytest.mark.parametrize("whose", ["neighbour", "victim", "nobody", "two"])
async def test_written_by_somebody_else(scene: Scene, whose: str) -> None:
    tom = scene.evil.person("tom")
    author: object = {
        "neighbour": tom.uri,
        "victim": scene.vera.uri,
        "nobody": None,
        "two": [tom.uri, scene.mia.uri],
    }[whose]
    note = scene.evil.note(scene.mia, "Nicht von mir", attributedTo=author)
    assert await scene.said(scene.evil.create(scene.mia, note)) == "refused"
    assert await scene.find(note["id"]) is None


async def test_an_object_that_came_by_its_id_is_read_at_its_origin(scene: Scene) -> None:
    note = scene.evil.note(scene.mia, "Am Ursprung")
    assert await scene.said(scene.evil.create(scene.mia, note) | {"object": note["id"]}) == "done"
    found = await scene.find(note["id"])
    assert found is not None
    assert found.content == "<p>Am Ursprung</p>"


@pytest.mark.parametrize(
    "served",
    [
        {"content_type": "text/html"},
        {"content_type": "application/json"},
        {"content_type": "text/plain"},
        {"content_type": "application/octet-stream"},
        {"content_type": ""},
        {"status": 302, "location": "PLACE"},
    ],
)
async def test_what_is_served_wrongly_is_not_read(scene: Scene, served: dict[str, object]) -> None:
    """ORI-003, ORI-005: the victim's own server leads elsewhere, or holds a file that looks like a post."""
    note = scene.victim.note(scene.vera, "Hochgeladen")
    path = str(note["id"]).removeprefix(scene.victim.base)
    elsewhere = scene.evil.serve("/copy", note)
    more = {name: elsewhere if value == "PLACE" else value for name, value in served.items()}
    scene.victim.serve(path, note, **more)  # type: ignore[arg-type]
    boost = scene.evil.activity(scene.mia, "Announce", note["id"], to=[PUBLIC])
    assert await scene.said(boost) == "refused"
    assert await scene.find(note["id"]) is None


async def test_an_announced_body_counts_only_at_its_origin(scene: Scene) -> None:
    true = scene.victim.note(scene.vera, "Wahr")
    false = true | {"content": "<p>Falsch</p>"}
    invented = scene.victim.note(scene.vera, "Erfunden") | {"id": f"{scene.victim.base}/notes/404"}
    for inner, state in ((false, "done"), (invented, "refused")):
        wrapped = scene.victim.create(scene.vera, inner)
        said = scene.evil.activity(scene.mia, "Announce", wrapped, to=[PUBLIC])
        assert await scene.said(said) == state
        bare = scene.evil.activity(scene.mia, "Announce", inner, to=[PUBLIC])
        assert await scene.said(bare) == state
    found = await scene.find(true["id"])
    assert found is not None
    assert (found.content, found.author.uri) == ("<p>Wahr</p>", scene.vera.uri)
    assert await scene.find(invented["id"]) is None


async def test_an_author_that_redirects_to_somebody_is_not_she(scene: Scene) -> None:
    """ORI-001, ORI-004: a post under the liar's own id must not get the name of the one she points to."""
    alias = scene.evil.serve("/users/vera", b"", 302, location=scene.vera.uri)
    note = scene.evil.note(scene.mia, "Vera sagt", attributedTo=alias)
    said = scene.evil.activity(scene.mia, "Announce", note["id"], to=[PUBLIC])
    assert await scene.said(said) == "refused"
    assert await scene.find(note["id"]) is None
    # The same where the actor itself, whose key is known, leads to her from now on.
    target = await scene.town.person("ola")
    scene.evil.serve("/users/mia", b"", 302, location=scene.vera.uri)
    scene.sea.clock.forward(hours=23, minutes=59)
    await scene.evil.post(scene.town, scene.mia, scene.evil.activity(scene.mia, "Follow", target.uri))
    scene.sea.clock.forward(minutes=5)
    await scene.town.work()
    assert await between(scene.town, scene.vera.uri, target.uri) is None


async def test_nobody_edits_or_deletes_what_is_another_s(scene: Scene) -> None:
    tom = scene.victim.person("tom")
    note = await scene.published("Bleibt")
    scene.sea.clock.forward(minutes=2)
    changed = note | {"content": "<p>Verändert</p>", "updated": to_wire(scene.sea.clock.now())}
    for about in (changed, changed | {"attributedTo": scene.mia.uri}, note["id"]):
        for kind in ("Update", "Delete"):
            assert await scene.said(scene.evil.activity(scene.mia, kind, about)) == "refused"
    for about in (changed, changed | {"attributedTo": tom.uri}):
        for kind in ("Update", "Delete"):
            said = scene.victim.activity(tom, kind, about)
            await scene.victim.say(scene.town, tom, said)
            ((state, _why),) = await verdicts(scene.town, said["id"])
            assert state == "refused", (kind, about)
    # Nor an account.
    assert await scene.said(scene.evil.activity(scene.mia, "Delete", scene.vera.uri)) == "refused"
    assert await scene.said(scene.evil.activity(scene.mia, "Update", {"id": scene.vera.uri})) == "refused"
    found = await scene.find(note["id"])
    assert found is not None
    assert (found.content, found.deleted_at) == ("<p>Bleibt</p>", None)
    vera = await scene.town.house.db.read(actor_queries.by_uri, scene.vera.uri)
    assert vera is not None
    assert vera.deleted_at is None


async def test_an_older_edit_changes_nothing(scene: Scene) -> None:
    note = await scene.published("Erste")
    versions = []
    for number in range(2):
        scene.sea.clock.forward(minutes=2)
        moment = to_wire(scene.sea.clock.now())
        versions.append(note | {"content": f"<p>{number}</p>", "updated": moment})
    for version in (versions[1], versions[0], note):
        said = scene.victim.activity(scene.vera, "Update", version)
        await scene.victim.say(scene.town, scene.vera, said)
    found = await scene.find(note["id"])
    assert found is not None
    assert found.content == "<p>1</p>"


async def test_an_edit_neither_widens_the_audience_nor_moves_the_post(scene: Scene) -> None:
    note = await scene.published("Leise", to=[scene.vera.followers], cc=[])
    other = await scene.published("Anderswo")
    scene.sea.clock.forward(minutes=2)
    changed = note | {
        "to": [PUBLIC],
        "inReplyTo": other["id"],
        "updated": to_wire(scene.sea.clock.now()),
        "content": "<p>Lauter</p>",
    }
    await scene.victim.say(scene.town, scene.vera, scene.victim.activity(scene.vera, "Update", changed))
    found = await scene.find(note["id"])
    assert found is not None
    assert (found.content, found.visibility, found.in_reply_to) == ("<p>Lauter</p>", "followers", None)
    boost = scene.evil.activity(scene.mia, "Announce", note["id"], to=[PUBLIC])
    like = scene.evil.activity(scene.mia, "Like", note["id"])
    assert [await scene.said(boost), await scene.said(like)] == ["refused", "refused"]


async def test_a_private_post_of_ours_is_liked_by_nobody_else(scene: Scene) -> None:
    post = await scene.town.post("ola", "Für die, die mir folgen", visibility="followers")
    assert await scene.said(scene.evil.activity(scene.mia, "Like", post.uri)) == "refused"
    assert await scene.said(scene.evil.activity(scene.mia, "Announce", post.uri)) == "refused"
    found = await scene.find(post.uri)
    assert found is not None
    assert (found.likes_count, found.announces_count) == (0, 0)


async def test_a_deletion_that_overtakes_its_post_wins(scene: Scene) -> None:
    note = scene.victim.note(scene.vera, "Zu spät")
    gone = {"id": note["id"], "type": "Tombstone", "deleted": "2199-01-01T00:00:00Z"}
    await scene.victim.say(scene.town, scene.vera, scene.victim.activity(scene.vera, "Delete", gone))
    for kind in ("Create", "Update"):
        await scene.victim.say(scene.town, scene.vera, scene.victim.activity(scene.vera, kind, note))
    boost = scene.evil.activity(scene.mia, "Announce", note["id"], to=[PUBLIC])
    assert await scene.said(boost) in {"ignored", "refused"}
    assert await scene.find(note["id"]) is None
    buried = await scene.town.house.db.read(post_queries.tombstone, str(note["id"]))
    assert buried is not None
    assert buried.deleted_at <= scene.sea.clock.now()


async def test_nobody_undoes_or_answers_for_another(scene: Scene) -> None:
    ola = await scene.town.person("ola")
    wish = scene.victim.activity(scene.vera, "Follow", ola.uri)
    await scene.victim.say(scene.town, scene.vera, wish)
    followed = await between(scene.town, ola.uri, scene.vera.uri)
    assert followed is not None
    for kind, about in (
        ("Undo", wish),
        ("Undo", wish["id"]),
        ("Reject", followed.uri),
        ("Reject", {"type": "Follow", "id": followed.uri, "actor": ola.uri, "object": scene.vera.uri}),
        ("Accept", {"type": "Follow", "actor": ola.uri, "object": scene.vera.uri}),
    ):
        await scene.said(scene.evil.activity(scene.mia, kind, about))
    for follower, target in ((scene.vera.uri, ola.uri), (ola.uri, scene.vera.uri)):
        found = await between(scene.town, follower, target)
        assert found is not None
        assert found.state == "accepted"


async def test_a_handle_belongs_to_its_domain(scene: Scene) -> None:
    claims = scene.evil.person("vera", webfinger=f"vera@{scene.victim.host}")
    ours = scene.evil.person("ola", webfinger="ola@szczecin.example")
    for guest, name in ((claims, "vera"), (ours, "ola")):
        found = await scene.town.house.federation.actors.ensure(guest.uri)
        assert found.handle == f"{name}@{scene.evil.host}"
    scene.victim.fingers[f"acct:vera2@{scene.victim.host}"] = f"{scene.evil.base}/users/vera2"
    agreed = scene.evil.person("vera2", webfinger=f"vera2@{scene.victim.host}")
    found = await scene.town.house.federation.actors.ensure(agreed.uri)
    assert found.handle == f"vera2@{scene.victim.host}"


async def test_a_blocked_instance_comes_in_by_no_back_door(scene: Scene) -> None:
    note = scene.victim.note(scene.vera, "Gesperrt")

    def block(unit: Unit) -> None:
        insert_new(unit.connection, instance_table, {"host": scene.victim.host, "first_seen_at": unit.now})
        row = instance_table.c.host == scene.victim.host
        unit.connection.execute(instance_table.update().where(row).values(policy="blocked"))

    await scene.town.house.db.write(block)
    before = len(scene.sea.network.sent_to(scene.victim.host))
    boost = scene.evil.activity(scene.mia, "Announce", note["id"], to=[PUBLIC])
    assert await scene.said(boost) == "refused"
    assert await scene.find(note["id"]) is None
    assert len(scene.sea.network.sent_to(scene.victim.host)) == before


async def test_what_nobody_here_wants_leaves_no_trace(scene: Scene) -> None:
    noise = stranger(scene.sea, f"noise{scene.evil.host}")
    before = await row_counts(scene.town)
    post = noise.note(noise.person("a1", keys_of="mia"), "Wer will das?")
    later = Guest(f"{noise.base}/users/a2", "a2", noise.person("a2", keys_of="mia").keys)
    said = [
        (noise.person("a1", keys_of="mia"), "Create", post),
        (later, "Announce", scene.victim.note(scene.vera, "Neu")["id"]),
        (noise.person("a3", keys_of="mia"), "Like", f"{scene.victim.base}/notes/unknown"),
        (noise.person("a4", keys_of="mia"), "Undo", f"{noise.base}/activities/unknown"),
        (noise.person("a5", keys_of="mia"), "Follow", f"{scene.town.house.at.base}/actors/nobody"),
        (noise.person("a6", keys_of="mia"), "Block", f"{scene.town.house.at.base}/actors/nobody"),
        (noise.person("a7", keys_of="mia"), "Accept", f"{noise.base}/activities/unknown"),
        (noise.person("a8", keys_of="mia"), "Move", f"{noise.base}/users/a8"),
    ]
    for guest, kind, about in said:
        await noise.say(scene.town, guest, noise.activity(guest, kind, about))
    after = await row_counts(scene.town)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # The log of what came, that this instance lives, and for 90 days what waits for its object or its activity.
    assert grown == {"inbox_log": len(said), "instance": 1, "early": 2, "claim": 1}


async def test_an_activity_id_of_a_neighbour_is_no_fault_of_ours(scene: Scene) -> None:
    tom = scene.evil.person("tom")
    post = await scene.town.post("ola", "Zwei Herzen")
    first = scene.evil.activity(scene.mia, "Like", post.uri)
    await scene.said(first)
    await scene.evil.say(scene.town, tom, first | {"actor": tom.uri})
    assert sorted(state for state, _why in await verdicts(scene.town, first["id"])) == ["done", "refused"]
