"""The peer by itself: two Fedify servers must understand each other before one may judge ours."""

import httpx
import pytest

from tests.interop.peer import FedifyPeer, Spec

pytestmark = pytest.mark.interop

FORMS: list[tuple[Spec, str]] = [("rfc9421", "rfc9421"), ("draft-cavage-http-signatures-12", "draft-cavage")]


def befriend(follower: FedifyPeer, followed: FedifyPeer) -> None:
    follower.follow(followed.actor)
    follower.wait_until(lambda: follower.following().get(followed.actor) == "accepted", what="Accept")


@pytest.mark.parametrize(("spec", "form"), FORMS)
def test_follow_and_accept_in_either_form(
    fedify: FedifyPeer, other_fedify: FedifyPeer, spec: Spec, form: str
) -> None:
    for peer in (fedify, other_fedify):
        peer.prefer(spec)
    follow = fedify.follow(other_fedify.actor, inbox="personal")
    heard = other_fedify.wait_for("received", id=follow, status=202)
    assert (heard.path, heard.type, heard.signature) == ("/users/fay/inbox", "Follow", form)
    assert (heard.http, heard.proof, heard.ld) == ("verified", "verified", "verified")
    assert heard.actor == fedify.actor
    assert heard.object_id == other_fedify.actor
    assert heard.key_id == f"{fedify.actor}#main-key"
    accepted = fedify.wait_for("handled", type="Accept")
    assert accepted.actor == other_fedify.actor
    fedify.wait_until(lambda: fedify.following() == {other_fedify.actor: "accepted"})
    assert other_fedify.state()["followers"] == [fedify.actor]

    other_fedify.prefer(spec)
    undone = fedify.unfollow(other_fedify.actor)
    assert other_fedify.wait_for("received", id=undone, status=202).path == "/inbox"
    other_fedify.wait_until(lambda: other_fedify.state()["followers"] == [])


def test_note_edit_and_delete_reach_the_follower(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    befriend(other_fedify, fedify)
    note = fedify.note("<p>Warm bread from nine.</p>")
    created = other_fedify.wait_for("received", type="Create", object_id=note)
    assert (created.object_type, created.content) == ("Note", "<p>Warm bread from nine.</p>")
    other_fedify.wait_until(lambda: note in other_fedify.held())
    fedify.edit(note, "<p>Warm bread from ten.</p>")
    other_fedify.wait_until(lambda: other_fedify.held()[note]["content"] == "<p>Warm bread from ten.</p>")
    document = httpx.get(note, headers={"accept": "application/activity+json"}, trust_env=False)
    assert document.json()["content"] == "<p>Warm bread from ten.</p>"
    fedify.delete(note)
    other_fedify.wait_until(lambda: note not in other_fedify.held())
    gone = httpx.get(note, headers={"accept": "application/activity+json"}, trust_env=False)
    assert (gone.status_code, gone.json()["type"]) == (410, "Tombstone")


def test_reply_like_announce_and_their_undo(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    note = fedify.note("<p>Who has a loom?</p>")
    reply = other_fedify.note("<p>We do.</p>", to=fedify.actor, in_reply_to=note)
    fedify.wait_until(lambda: reply in fedify.held())
    assert fedify.held()[reply]["inReplyTo"] == note
    like = other_fedify.like(note, fedify.actor)
    announce = other_fedify.announce(note, fedify.actor)
    for activity, kind in ((like, "Like"), (announce, "Announce")):
        assert fedify.wait_for("handled", id=activity).type == kind
        undo = other_fedify.undo(activity)
        assert fedify.wait_for("received", id=undo, status=202).object_id == activity
        fedify.wait_for("handled", id=undo, type="Undo")


def test_a_refused_delivery_comes_again(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    befriend(other_fedify, fedify)
    other_fedify.fail(3)
    note = fedify.note("<p>Third time lucky.</p>")
    other_fedify.wait_until(lambda: note in other_fedify.held())
    tries = other_fedify.entries("received", object_id=note, type="Create")
    assert [entry.status for entry in tries] == [503, 503, 503, 202]
    assert all(entry.http == "verified" for entry in tries)
    assert len(other_fedify.entries("handled", type="Create")) == 1


def test_a_rejected_follow_and_one_without_an_answer(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    other_fedify.answer("nothing")
    first = fedify.follow(other_fedify.actor)
    other_fedify.wait_for("handled", id=first)
    assert fedify.following() == {other_fedify.actor: "asked"}
    other_fedify.answer("Reject")
    fedify.follow(other_fedify.actor)
    fedify.wait_until(lambda: fedify.following() == {other_fedify.actor: "rejected"})


def test_what_it_reads(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    note = fedify.note("<p>Readable.</p>")
    for signed in (False, True):
        found = other_fedify.lookup(note, signed=signed)
        assert found["type"] == "Note"
    assert fedify.wait_for("received", method="GET", http="verified").signature == "rfc9421"
    assert other_fedify.lookup(fedify.actor)["type"] == "Person"
    assert other_fedify.lookup(f"{fedify.url}/nothing") == {"type": None, "document": None}
    nodeinfo = other_fedify.nodeinfo(f"{fedify.url}/nodeinfo/2.1")
    assert nodeinfo is not None
    assert nodeinfo["software"] == {"name": "fedify-peer", "version": "2.3.6"}
    finger = other_fedify.webfinger(fedify.actor)
    assert finger is not None
    assert fedify.actor in str(finger["links"])
    assert note in str(other_fedify.collection(f"{fedify.actor}/outbox")["items"])


def test_unsigned_and_forged_are_judged_apart(fedify: FedifyPeer, other_fedify: FedifyPeer) -> None:
    befriend(other_fedify, fedify)
    note = fedify.note("<p>Signed.</p>")
    other_fedify.wait_for("handled", type="Create")
    create = httpx.get(
        str(other_fedify.wait_for("received", type="Create", object_id=note).id),
        headers={"accept": "application/activity+json"},
        trust_env=False,
    ).text
    headers = {"content-type": "application/activity+json"}
    bare = httpx.post(f"{other_fedify.url}/inbox", content=create, headers=headers, trust_env=False)
    assert bare.status_code == 401
    key = f'keyId="{fedify.actor}#main-key"'
    headers["signature"] = f'{key},headers="(request-target) host date",signature="AAAA"'
    headers["date"] = "Mon, 23 Nov 2026 09:00:05 GMT"
    forged = httpx.post(f"{other_fedify.url}/inbox", content=create, headers=headers, trust_env=False)
    assert forged.status_code == 401
    judged = other_fedify.entries("received", method="POST", type="Create", status=401)
    assert [entry.signature for entry in judged] == ["none", "draft-cavage"]
    assert [entry.http for entry in judged] == ["absent", "failed"]
