"""A server that somebody else wrote, and a region of ours: each reads, follows, and hears the other.

Our server keeps what earlier tests did, and the peer forgets it: a test writes as a person of its own, and
looks only for its own ids.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.interop.peer import Entry, FedifyPeer, Inbox, Spec
from tests.interop.region import RegionServer, name_of

pytestmark = pytest.mark.interop

CAVAGE: Spec = "draft-cavage-http-signatures-12"
FORMS: list[tuple[Spec, str]] = [(CAVAGE, "draft-cavage"), ("rfc9421", "rfc9421")]
INBOXES: list[Inbox] = ["personal", "shared"]

either_form = pytest.mark.parametrize(("spec", "form"), FORMS, ids=[form for _, form in FORMS])


def befriend(peer: FedifyPeer, actor: str) -> None:
    peer.follow(actor)
    peer.wait_until(lambda: peer.following().get(actor) == "accepted", what=f"Accept by {actor}")


def is_believed(entry: Entry) -> bool:
    """Whether HTTP signature and integrity proof are both ours, and no linked-data signature is claimed."""
    return (entry.http, entry.proof, entry.ld) == ("verified", "verified", "absent")


def posts_of(peer: FedifyPeer) -> list[tuple[str | None, int | None]]:
    """What the peer posted since its reset: form of the signature and status, in order."""
    return [(entry.signature, entry.status) for entry in peer.entries("sent", method="POST")]


def understood(peer: FedifyPeer, uri: str, *, signed: bool = False) -> dict[str, Any]:
    """The document at an id as the peer understood it."""
    return msgspec.convert(peer.lookup(uri, signed=signed)["document"], dict[str, Any])


def page_of(server: RegionServer, address: str) -> str:
    answer = server.get(address, "text/html")
    return answer.text if answer.status_code == 200 else ""


def thread_answers(peer: FedifyPeer, server: RegionServer, uri: str) -> set[str]:
    """Ids of the answers to a post of ours, as the peer reads them."""
    items = peer.collection(str(server.document(uri)["replies"]))["items"]
    assert isinstance(items, Iterable)
    return {str(item["id"]) for item in items}


def totals(server: RegionServer, uri: str) -> tuple[object, object]:
    """How many like and how many announced a post of ours, as its document says."""
    document = server.document(uri)
    likes, shares = document["likes"], document["shares"]
    assert isinstance(likes, dict)
    assert isinstance(shares, dict)
    return likes["totalItems"], shares["totalItems"]


def number_of_followed(server: RegionServer, actor: str) -> object:
    return server.document(str(server.document(actor)["following"]))["totalItems"]


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_it_reads_our_actors_and_posts(fedify: FedifyPeer, region_server: RegionServer, signed: bool) -> None:
    person = region_server.person()
    note = region_server.post("Boote im #Stadthafen.", person).uri
    expected = {
        region_server.region_uri: "Group",
        region_server.editorial_uri: "Organization",
        f"{region_server.url}/actor": "Application",
        person: "Person",
        note: "Note",
    }
    for uri, kind in expected.items():
        document = understood(fedify, uri, signed=signed)
        assert (document["type"], document["id"]) == (kind, uri)
        if kind != "Note":
            keys = [document["publicKey"], *document["assertionMethod"]]
            assert [key["id"] for key in keys] == [f"{uri}#main-key", f"{uri}#ed25519-key"]
            assert [key.get("owner", key.get("controller")) for key in keys] == [uri, uri]
    forms = {entry.signature for entry in fedify.entries("sent", method="GET")}
    assert ("rfc9421" in forms) is signed


def test_it_reads_what_our_server_is(fedify: FedifyPeer, region_server: RegionServer) -> None:
    for version in ("2.1", "2.0"):
        nodeinfo = fedify.nodeinfo(f"{region_server.url}/nodeinfo/{version}")
        assert nodeinfo is not None
        assert nodeinfo["protocols"] == ["activitypub"]
        assert "fedi-cluster" in str(nodeinfo["software"])
    finger = fedify.webfinger(region_server.region_uri)
    assert finger is not None
    links = finger["links"]
    assert isinstance(links, list)
    assert [link["href"] for link in links if link["rel"] == "self"] == [region_server.region_uri]


def test_it_walks_our_outbox_to_the_end(fedify: FedifyPeer, region_server: RegionServer) -> None:
    """More than a page of it."""
    person = region_server.person()
    written = [region_server.post(f"Folge {number}.", person).uri for number in range(22)]
    region_server.settle()
    for actor, kind in ((person, "Create"), (region_server.region_uri, "Announce")):
        found = fedify.collection(f"{actor}/outbox")
        items = found["items"]
        assert isinstance(items, list)
        assert found["totalItems"] == len(items)
        assert {item["type"] for item in items} == {kind}
        objects = [item["object"] for item in items]
        uris = [each if isinstance(each, str) else each["id"] for each in objects]
        assert [uri for uri in uris if uri in written] == written[::-1]


@pytest.mark.parametrize("inbox", INBOXES)
@either_form
def test_its_follow_is_accepted(
    fedify: FedifyPeer, region_server: RegionServer, spec: Spec, form: str, inbox: Inbox
) -> None:
    region = region_server.region_uri
    fedify.prefer(spec)
    follow = fedify.follow(region, inbox=inbox)
    fedify.wait_until(lambda: fedify.following() == {region: "accepted"}, what="Accept")
    assert posts_of(fedify) == [(form, 202)]
    sent = fedify.entries("sent", method="POST")[0]
    assert sent.url == (f"{region}/inbox" if inbox == "personal" else f"{region_server.url}/inbox")
    accept = fedify.wait_for("received", type="Accept", status=202, object_id=follow)
    assert is_believed(accept)
    assert (accept.actor, accept.object_type) == (region, "Follow")


def test_the_region_passes_a_post_on(fedify: FedifyPeer, region_server: RegionServer, tmp_path: Path) -> None:
    region, person = region_server.region_uri, region_server.person()
    befriend(fedify, region)
    polish = tmp_path / "pl.txt"
    polish.write_text("Otwarte pracownie w sobotę.", "utf-8")
    written = region_server.post(
        "Offene Ateliers am Samstag. #Rostock #Keramik", person, "--translation", f"pl={polish}"
    )
    announce = fedify.wait_for("received", type="Announce", actor=region, object_id=written.uri)
    assert is_believed(announce)
    fedify.wait_until(lambda: written.uri in fedify.held(), what="the announced post")
    region_server.settle()
    assert len(fedify.entries("handled", object_id=written.uri)) == 1
    held = fedify.held()[written.uri]
    content, by_language, tags = held["content"], held["contentMap"], held["tag"]
    assert isinstance(by_language, dict)
    assert isinstance(tags, list)
    assert str(content).startswith("<p>Offene Ateliers am Samstag.")
    assert by_language["de"] == content
    assert by_language["pl"] == "<p>Otwarte pracownie w sobotę.</p>"
    assert {tag["name"] for tag in tags if tag["type"] == "Hashtag"} == {"#Rostock", "#Keramik"}
    assert (held["attributedTo"], held["audience"]) == (person, region)
    assert held["url"] == written.page


def test_a_post_of_somebody_whom_it_follows_comes_once(
    fedify: FedifyPeer, region_server: RegionServer
) -> None:
    person = region_server.person()
    befriend(fedify, person)
    written = region_server.post("Nur für die, die mir folgen.", person, "--no-region")
    create = fedify.wait_for("received", type="Create", object_id=written.uri)
    assert is_believed(create)
    assert (create.object_proof, create.path) == ("verified", "/inbox")
    fedify.wait_for("handled", type="Create", object_id=written.uri)
    region_server.settle()
    assert len(fedify.entries("received", object_id=written.uri)) == 1
    assert len(fedify.entries("handled", object_id=written.uri)) == 1


def test_our_deliveries_take_the_form_that_was_understood(
    other_fedify: FedifyPeer, region_server: RegionServer
) -> None:
    """Only this test lets our server speak to this peer: the first knock must be that on an unknown door."""
    person = region_server.person()

    def knocks(text: str) -> list[tuple[str | None, int | None]]:
        uri = region_server.post(text, person, "--no-region").uri
        other_fedify.wait_for("handled", type="Create", object_id=uri)
        received = other_fedify.entries("received", type="Create", object_id=uri)
        assert all(is_believed(entry) and entry.object_proof == "verified" for entry in received)
        return [(entry.signature, entry.status) for entry in received]

    befriend(other_fedify, person)
    assert other_fedify.wait_for("received", type="Accept").signature == "draft-cavage"
    assert knocks("Erster Brief.") == [("draft-cavage", 202)]
    other_fedify.fail(1, status=401)
    assert knocks("Zweiter Brief.") == [("draft-cavage", 401), ("rfc9421", 202)]
    assert knocks("Dritter Brief.") == [("rfc9421", 202)]
    other_fedify.fail(1, status=401)
    assert knocks("Vierter Brief.") == [("rfc9421", 401), ("draft-cavage", 202)]


@pytest.mark.parametrize("whom", ["person", "region"])
def test_it_hears_of_our_edit_and_delete(fedify: FedifyPeer, region_server: RegionServer, whom: str) -> None:
    """Also where it was only told by the region, and follows the author not."""
    person = region_server.person()
    befriend(fedify, person if whom == "person" else region_server.region_uri)
    option = "--no-region" if whom == "person" else "--to-region"
    uri = region_server.post("Brot ab neun.", person, option).uri
    fedify.wait_until(lambda: uri in fedify.held(), what="the post")
    region_server.run("post", "edit", uri, "Brot ab zehn.")
    update = fedify.wait_for("received", type="Update", object_id=uri)
    assert is_believed(update)
    assert (update.actor, update.object_proof) == (person, "verified")
    fedify.wait_until(lambda: fedify.held()[uri]["content"] == "<p>Brot ab zehn.</p>", what="the edit")
    held = fedify.held()[uri]
    published, updated = (datetime.fromisoformat(str(held[name])) for name in ("published", "updated"))
    assert updated > published

    region_server.run("post", "delete", uri)
    delete = fedify.wait_for("received", type="Delete", object_id=uri)
    assert is_believed(delete)
    assert (delete.actor, delete.object_type, delete.object_proof) == (person, "Tombstone", "verified")
    fedify.wait_until(lambda: uri not in fedify.held(), what="the delete")
    gone = region_server.get(uri)
    assert (gone.status_code, gone.json()["type"], gone.json()["id"]) == (410, "Tombstone", uri)


def test_an_outage_ends_when_it_speaks_again(fedify: FedifyPeer, region_server: RegionServer) -> None:
    """A failed delivery waits 30 s at least; a sign of life of the peer is a reason to knock at once."""
    person = region_server.person()
    befriend(fedify, person)
    region_server.settle()
    fedify.fail(3)
    uri = region_server.post("Dritter Versuch.", person, "--no-region").uri

    def tries() -> list[Entry]:
        return fedify.entries("received", type="Create", object_id=uri)

    def failed(times: int) -> None:
        fedify.wait_until(lambda: len(tries()) == times, what=f"try {times}")

    for number in (1, 2, 3):
        failed(number)
        fedify.like(uri, person)
    fedify.wait_for("handled", type="Create", object_id=uri)
    region_server.settle()
    assert [entry.status for entry in tries()] == [503, 503, 503, 202]
    assert all(is_believed(entry) for entry in tries())
    assert len(fedify.entries("handled", object_id=uri, type="Create")) == 1
    assert totals(region_server, uri) == (1, 0)


@either_form
def test_its_answer_stands_in_our_thread(
    fedify: FedifyPeer, region_server: RegionServer, spec: Spec, form: str
) -> None:
    person = region_server.person()
    written = region_server.post("Wer hat einen Webstuhl?", person)
    fedify.prefer(spec)

    def see(what: Callable[[str], bool], told: str) -> None:
        fedify.wait_until(lambda: what(page_of(region_server, written.page)), what=told)

    answer = fedify.note("<p>Wir, <b>zwei</b> sogar.</p>", [region_server.region_uri, person], written.uri)
    see(lambda page: "zwei" in page, "the answer")
    assert thread_answers(fedify, region_server, written.uri) == {answer}
    fedify.edit(answer, "<p>Wir, seit heute drei.</p>")
    see(lambda page: "seit heute drei" in page and "zwei" not in page, "the edit")
    fedify.delete(answer)
    see(lambda page: bool(page) and "seit heute drei" not in page, "the delete")
    assert thread_answers(fedify, region_server, written.uri) == set()
    assert set(posts_of(fedify)) == {(form, 202)}


@either_form
def test_its_like_and_announce_are_counted(
    fedify: FedifyPeer, region_server: RegionServer, spec: Spec, form: str
) -> None:
    person = region_server.person()
    uri = region_server.post("Das Museum ist wieder offen.", person, "--no-region").uri
    fedify.prefer(spec)

    def count(likes: int, shares: int) -> None:
        fedify.wait_until(lambda: totals(region_server, uri) == (likes, shares), what=f"{likes}, {shares}")

    like = fedify.like(uri, person)
    count(1, 0)
    announce = fedify.announce(uri, person)
    count(1, 1)
    fedify.undo(like)
    count(0, 1)
    fedify.undo(announce)
    count(0, 0)
    assert posts_of(fedify) == [(form, 202)] * 4


def test_we_follow_it_and_read_its_posts(fedify: FedifyPeer, region_server: RegionServer) -> None:
    person = region_server.person()
    profile = f"/@fay@{fedify.url.removeprefix('http://')}"
    region_server.run("follow", name_of(person), fedify.actor)
    follow = fedify.wait_for("received", type="Follow", actor=person)
    assert is_believed(follow)
    assert follow.object_id == fedify.actor
    assert fedify.wait_until(lambda: fedify.state()["followers"]) == [person]
    fedify.wait_until(lambda: number_of_followed(region_server, person) == 1, what="the Accept here")
    words = "Guten Morgen aus der Ferne."
    note = fedify.note(f"<p>{words}</p>")
    fedify.wait_until(lambda: words in page_of(region_server, profile), what="the note")
    fedify.delete(note)
    fedify.wait_until(lambda: words not in page_of(region_server, profile), what="the delete")
    assert region_server.get(profile, "text/html").status_code == 200


def test_a_follow_of_ours_that_it_rejects(fedify: FedifyPeer, region_server: RegionServer) -> None:
    person = region_server.person()
    fedify.answer("Reject")
    region_server.run("follow", name_of(person), fedify.actor)
    fedify.wait_for("handled", type="Follow", actor=person)
    fedify.wait_until(lambda: posts_of(fedify), what="the Reject")
    region_server.settle()
    assert fedify.state()["followers"] == []
    assert number_of_followed(region_server, person) == 0
    fedify.answer("Accept")
    region_server.run("follow", name_of(person), fedify.actor)
    fedify.wait_until(lambda: number_of_followed(region_server, person) == 1, what="a second try")


def test_after_an_unfollow_nothing_comes(fedify: FedifyPeer, region_server: RegionServer) -> None:
    region, person = region_server.region_uri, region_server.person()
    befriend(fedify, region)
    followers = str(region_server.document(region)["followers"])
    before = region_server.document(followers)["totalItems"]
    fedify.unfollow(region)
    fedify.wait_until(lambda: region_server.document(followers)["totalItems"] != before, what="the Undo")
    uri = region_server.post("Das hört nur, wer der Region folgt.", person).uri
    region_server.settle()
    assert totals(region_server, uri) == (0, 1)
    assert fedify.entries("received", object_id=uri) == []
    assert uri not in fedify.held()
