"""Stories with a server that somebody else wrote: follow, read, answer, like, and all of it back."""

import pytest

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.federation.signatures.keys import key_of_multikey
from fedi_cluster.federation.signatures.proofs import verify_proof
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.unit import Unit
from tests.journeys.following import fan, known, region_of
from tests.towns.looking import between, follow
from tests.towns.stranger import SignedAs, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def test_follow_gets_accept_then_announces_in_the_form_that_is_read(sea: Towns, szczecin: Town) -> None:
    there, region = stranger(sea, "form.example"), await region_of(szczecin)
    mia = there.person("mia")
    there.reads = {"rfc9421"}
    wish = there.activity(mia, "Follow", region)
    await there.say(szczecin, mia, wish, form="rfc9421")
    (accept,) = there.heard("Accept")
    assert accept["actor"] == region
    assert accept["object"] == {"id": wish["id"], "type": "Follow", "actor": mia.uri, "object": region}
    assert [(one.status, one.sender.scheme) for one in there.received] == [(401, "cavage"), (202, "rfc9421")]
    assert {one.sender.actor for one in there.received} == {region}

    there.received.clear()
    post = await szczecin.post("atelier", "Otwarte drzwi", to_region=True)
    await szczecin.work()
    (announce,) = there.heard("Announce")
    assert (announce["object"], announce["actor"], announce["to"]) == (post.uri, region, [PUBLIC])
    # It was remembered: no second first knock.
    assert {one.sender.scheme for one in there.received} == {"rfc9421"}
    assert there.heard("Create") == []


@pytest.mark.parametrize("form", ["cavage", "rfc9421", "ed25519"])
async def test_all_three_forms_of_signing_are_read(sea: Towns, szczecin: Town, form: SignedAs) -> None:
    there, region = stranger(sea, f"{form}.example"), await region_of(szczecin)
    mia = there.person("mia")
    await there.say(szczecin, mia, there.activity(mia, "Follow", region), form=form)
    assert len(there.heard("Accept")) == 1


async def test_followers_of_a_person_get_create_edit_and_deletion(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "life.example"), await szczecin.person("ola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    post = await szczecin.post("ola", "Pierwszy #Szczecin")
    await szczecin.work()
    sea.clock.forward(minutes=2)
    await szczecin.edit(post, "Drugi")
    await szczecin.work()
    sea.clock.forward(minutes=2)
    await szczecin.erase(post)
    await szczecin.work()
    (create,), (update,), (delete,) = (there.heard(kind) for kind in ("Create", "Update", "Delete"))
    assert [one["actor"] for one in (create, update, delete)] == [ola.uri] * 3
    for said in (create, update):
        inner = said["object"]
        assert isinstance(inner, dict)
        assert inner["id"] == post.uri
    tomb = delete["object"]
    assert isinstance(tomb, dict)
    assert (tomb["type"], tomb["id"], tomb["formerType"]) == ("Tombstone", post.uri, "Note")
    key = next(key for key in ola.keys if key.kind == "ed25519")
    for said in (create, update, delete):
        verify_proof(said, key_of_multikey(key.id, ola.uri, key.material), sea.clock.now())

    followed = await between(szczecin, mia.uri, ola.uri)
    assert followed is not None
    undo = there.activity(
        mia, "Undo", {"id": followed.uri, "type": "Follow", "actor": mia.uri, "object": ola.uri}
    )
    await there.say(szczecin, mia, undo)
    there.received.clear()
    await szczecin.post("ola", "Bez nikogo")
    await szczecin.work()
    assert there.received == []


async def test_edits_and_deletions_reach_who_got_only_the_announce(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "boosted.example")
    await fan(there, szczecin, "mia", await region_of(szczecin))
    post = await szczecin.post("atelier", "Dziś", to_region=True)
    await szczecin.work()
    sea.clock.forward(minutes=2)
    await szczecin.edit(post, "Jutro")
    await szczecin.work()
    sea.clock.forward(minutes=2)
    await szczecin.erase(post)
    await szczecin.work()
    assert [one.document["type"] for one in there.received] == ["Accept", "Announce", "Update", "Delete"]
    assert {one.sender.actor for one in there.received[2:]} == {post.author.uri}


async def test_a_repeated_follow_is_answered_again_and_counted_once(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "again.example"), await szczecin.person("ola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    before = (await szczecin.document(f"{ola.uri}/followers"))["totalItems"]
    again = there.activity(mia, "Follow", ola.uri)
    await there.say(szczecin, mia, again)
    assert len(there.heard("Accept")) == 2
    inner = there.heard("Accept")[1]["object"]
    assert isinstance(inner, dict)
    assert inner["id"] == again["id"]
    assert (await szczecin.document(f"{ola.uri}/followers"))["totalItems"] == before


async def test_who_decides_by_hand_is_asked_first(sea: Towns, szczecin: Town) -> None:
    there, shy = stranger(sea, "shy.example"), await szczecin.person("shy")

    def careful(unit: Unit) -> None:
        unit.connection.execute(
            actor_table.update().where(actor_table.c.id == shy.id).values(manually_approves=True)
        )

    await szczecin.house.db.write(careful)
    mia, tom = there.person("mia"), there.person("tom")
    for guest in (mia, tom):
        await there.say(szczecin, guest, there.activity(guest, "Follow", shy.uri))
    await szczecin.post("shy", "Tylko dla swoich", visibility="followers")
    await szczecin.work()
    assert there.received == []
    for guest, answer in ((mia, relationship_actions.accept), (tom, relationship_actions.refuse)):
        asked = await between(szczecin, guest.uri, shy.uri)
        assert asked is not None
        assert asked.state == "pending"
        await szczecin.house.db.write(answer, asked, shy)
    await szczecin.work()
    assert [one["to"] for one in there.heard("Accept")] == [[mia.uri]]
    assert [one["to"] for one in there.heard("Reject")] == [[tom.uri]]


async def test_a_removed_and_a_blocked_follower_hear_no_more(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "ended.example"), await szczecin.person("ola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    tom = await fan(there, szczecin, "tom", ola.uri)
    removed = await between(szczecin, mia.uri, ola.uri)
    assert removed is not None
    await szczecin.house.db.write(relationship_actions.refuse, removed, ola)
    theirs = await szczecin.house.db.read(actor_queries.by_uri, tom.uri)
    assert theirs is not None

    def block(unit: Unit) -> None:
        relationship_actions.block(unit, ola, theirs, szczecin.house.at.activity(unit.new_id()))

    await szczecin.house.db.write(block)
    await szczecin.work()
    assert len(there.heard("Reject")) == 2
    assert [one["object"] for one in there.heard("Block")] == [tom.uri]
    there.received.clear()
    await szczecin.post("ola", "Dla nikogo z nich")
    await szczecin.work()
    assert there.received == []
    await there.say(szczecin, tom, there.activity(tom, "Follow", ola.uri))
    assert [one.document["type"] for one in there.received] == ["Reject"]


async def test_their_block_ends_follows_in_both_directions(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "cold.example")
    ola = await szczecin.person("ola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    await follow(szczecin, "ola", mia.uri)
    await szczecin.work()
    await there.say(szczecin, mia, there.activity(mia, "Block", ola.uri))
    assert await between(szczecin, mia.uri, ola.uri) is None
    assert await between(szczecin, ola.uri, mia.uri) is None
    note = await szczecin.post("ola", "Nie dla ciebie")
    await there.say(szczecin, mia, there.activity(mia, "Like", note.uri))
    assert (await known(szczecin, note.uri)).likes_count == 0


async def test_like_and_announce_count_once_and_can_be_taken_back(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "hearts.example")
    mia, tom = there.person("mia"), there.person("tom")
    post = await szczecin.post("ola", "Do polubienia")
    like = there.activity(mia, "Like", post.uri)
    boost = there.activity(mia, "Announce", post.uri, to=[PUBLIC], cc=[mia.followers])
    like_again = like | {"id": there.new_id()}  # another activity of the same meaning
    for said, again in ((like, like_again), (boost, boost | {"id": there.new_id()})):
        await there.say(szczecin, mia, said)
        await there.say(szczecin, mia, said)  # the same delivery
        await there.say(szczecin, mia, again)
    await there.say(szczecin, tom, there.activity(tom, "Like", post.uri))
    found = await known(szczecin, post.uri)
    assert (found.likes_count, found.announces_count) == (2, 1)
    # Somebody else cannot take it back; by its id and by both sides it can be.
    await there.say(szczecin, tom, there.activity(tom, "Undo", like["id"]))
    await there.say(szczecin, tom, there.activity(tom, "Undo", boost["id"]))
    found = await known(szczecin, post.uri)
    assert (found.likes_count, found.announces_count) == (2, 1)
    # The older wish is taken back, the newer one stands.
    await there.say(szczecin, mia, there.activity(mia, "Undo", like["id"]))
    assert (await known(szczecin, post.uri)).likes_count == 2
    await there.say(szczecin, mia, there.activity(mia, "Undo", like_again["id"]))
    by_sides = {"type": "Announce", "actor": mia.uri, "object": post.uri}
    await there.say(szczecin, mia, there.activity(mia, "Undo", by_sides))
    found = await known(szczecin, post.uri)
    assert (found.likes_count, found.announces_count) == (1, 0)
    assert (await szczecin.document(f"{post.uri}/likes"))["totalItems"] == 1


async def test_our_person_follows_a_stranger_and_reads_it(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "news.example")
    mia = there.person("mia")
    ola, _theirs = await follow(szczecin, "ola", mia.uri)
    await szczecin.work()
    (wish,) = there.heard("Follow")
    assert (wish["actor"], wish["object"]) == (ola.uri, mia.uri)
    early = there.note(mia, "Przed odpowiedzią")
    await there.say(szczecin, mia, there.create(mia, early))
    # Who was asked answers by a post: it may overtake the Accept, so it is kept.
    await known(szczecin, early["id"])
    await there.say(szczecin, mia, there.activity(mia, "Accept", wish))
    note = there.note(mia, "Ahoj", contentMap={"de": "<p>Ahoj</p>"})
    await there.say(szczecin, mia, there.create(mia, note))
    found = await known(szczecin, note["id"])
    assert (found.content, found.language, found.author.handle) == ("<p>Ahoj</p>", "de", "mia@news.example")

    sea.clock.forward(minutes=3)
    newer = note | {"content": "<p>Ahoj wieder</p>", "updated": to_wire(sea.clock.now())}
    await there.say(szczecin, mia, there.activity(mia, "Update", newer))
    assert (await known(szczecin, note["id"])).content == "<p>Ahoj wieder</p>"
    gone = {"id": note["id"], "type": "Tombstone"}
    await there.say(szczecin, mia, there.activity(mia, "Delete", gone))
    assert (await known(szczecin, note["id"])).deleted_at is not None
    await there.say(szczecin, mia, there.create(mia, note))
    assert (await known(szczecin, note["id"])).content == ""

    await there.say(szczecin, mia, there.activity(mia, "Reject", wish["id"]))
    assert await between(szczecin, ola.uri, mia.uri) is None


async def test_a_profile_changes_and_an_account_goes_with_its_posts(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "moved.example")
    mia = there.person("mia")
    ola, _theirs = await follow(szczecin, "ola", mia.uri)
    await szczecin.work()
    await there.say(szczecin, mia, there.activity(mia, "Accept", there.heard("Follow")[0]["id"]))
    note = there.note(mia, "Zostaje?")
    await there.say(szczecin, mia, there.create(mia, note))
    sea.clock.forward(minutes=2)
    there.person("mia", name="Mia Nowa")
    await there.say(szczecin, mia, there.activity(mia, "Update", {"id": mia.uri, "type": "Person"} | MIA))
    renamed = await szczecin.house.db.read(actor_queries.by_uri, mia.uri)
    assert renamed is not None
    assert renamed.name == "Mia Nowa"
    # The account is gone at its origin, too, and our copy of it is old: its last word still counts.
    there.serve("/users/mia", {"id": mia.uri, "type": "Tombstone"}, 410)
    sea.clock.forward(days=3)
    await there.say(szczecin, mia, there.activity(mia, "Delete", mia.uri))
    gone = await szczecin.house.db.read(actor_queries.by_uri, mia.uri)
    assert gone is not None
    assert gone.deleted_at is not None
    assert (await known(szczecin, note["id"])).deleted_at is not None
    assert await between(szczecin, ola.uri, mia.uri) is None
    assert (await there.post(szczecin, mia, there.create(mia, note))).status_code == 410


MIA: Json = {"inbox": "https://moved.example/inbox", "preferredUsername": "mia", "name": "Not from here"}


async def test_answers_join_the_thread_and_reach_the_sisters(sea: Towns, szczecin: Town) -> None:
    rostock = await sea.found("rostock", "de")
    await sea.join(rostock, szczecin)
    there = stranger(sea, "answers.example")
    mia = there.person("mia")
    post = await szczecin.post("atelier", "Kto przyjdzie?", to_region=True)
    await sea.settle()
    answer = there.note(mia, "Ja!", inReplyTo=post.uri)
    await there.say(szczecin, mia, there.create(mia, answer))
    before = len(sea.network.log)
    await sea.settle()
    here, at_sister = await known(szczecin, answer["id"]), await known(rostock, answer["id"])
    assert (here.parent_id, at_sister.author.handle) == (post.id, "mia@answers.example")
    assert str(answer["id"]) in [sent.url for sent in sea.network.log[before:] if sent.method == "GET"]
    assert str(answer["id"]) in str(await szczecin.document(f"{post.uri}/replies"))
    assert (await known(szczecin, post.uri)).replies_count == 1
    thread = await rostock.house.db.read(post_queries.open_thread, at_sister.thread_id, 10)
    assert [one.uri for one in thread] == [post.uri, answer["id"]]
    # The same for its edit and its end, which the sister reads at the origin, too.
    sea.clock.forward(minutes=5)
    newer = answer | {"content": "<p>Nie.</p>", "updated": to_wire(sea.clock.now())}
    there.serve(str(answer["id"]).removeprefix(there.base), newer)
    await there.say(szczecin, mia, there.activity(mia, "Update", newer, to=[PUBLIC]))
    await sea.settle()
    assert (await known(rostock, answer["id"])).content == "<p>Nie.</p>"
    there.serve(str(answer["id"]).removeprefix(there.base), {"id": answer["id"], "type": "Tombstone"}, 410)
    await there.say(szczecin, mia, there.activity(mia, "Delete", {"id": answer["id"], "type": "Tombstone"}))
    await sea.settle()
    assert (await known(szczecin, answer["id"])).deleted_at is not None
    assert (await known(rostock, answer["id"])).deleted_at is not None


async def test_a_local_like_and_boost_of_a_strangers_post_are_told_to_it(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "liked.example")
    mia = there.person("mia")
    note = there.note(mia, "Wartościowe")
    post = await szczecin.house.federation.objects.ensure(str(note["id"]))
    ola, at = await szczecin.person("ola"), szczecin.house.at

    def react(unit: Unit) -> None:
        post_actions.like(unit, ola, post, at.activity(unit.new_id()))
        post_actions.announce(unit, ola, post, at.activity(unit.new_id()))

    def take_back(unit: Unit) -> None:
        post_actions.unlike(unit, ola, post)
        post_actions.unannounce(unit, ola, post)

    await szczecin.house.db.write(react)
    await szczecin.work()
    await szczecin.house.db.write(take_back)
    await szczecin.work()
    assert [one["object"] for one in there.heard("Like")] == [note["id"]]
    assert [one["object"] for one in there.heard("Announce")] == [note["id"]]
    undone = [one["object"] for one in there.heard("Undo")]
    assert [one["id"] for one in undone if isinstance(one, dict)] == [
        there.heard("Like")[0]["id"],
        there.heard("Announce")[0]["id"],
    ]
