"""Forty activities that depend on each other, as sealed deliveries that can arrive in any order and number.

What a sister says was really sent by one; what strangers say was signed once. It decides nothing: the test
delivers and compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from fedi_cluster.community.posts.actions import like, unlike
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json, dumps, parse_object
from tests.faults.rows import put_back, rows
from tests.towns.looking import follow
from tests.towns.stranger import CONTEXT, Guest, Stranger, signed, stranger
from tests.towns.town import Town, Towns, pair_for

INBOX = "/inbox"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One signed delivery; `name` says what it is where a test fails."""

    name: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """The town that receives, before anything of `parcels` arrived, and these in their natural order."""

    town: Town
    parcels: Sequence[Parcel]


class _Writer:
    """Strangers at one desk: each `say` is sealed into a parcel and not sent."""

    def __init__(self, there: Stranger, town: Town) -> None:
        self.there = there
        self.town = town
        self.parcels: list[Parcel] = []

    def say(self, who: Guest, activity: Json, name: str | None = None) -> Json:
        body = dumps(activity)
        url = f"https://{self.town.host}{INBOX}"
        headers = signed(url, body, who.keys, self.there.clock.now(), form="cavage")
        self.parcels.append(Parcel(name or f"{activity['type']} by {who.name}", body, tuple(headers.items())))
        return activity

    def act(self, who: Guest, kind: str, about: object) -> Json:
        return self.say(who, self.there.activity(who, kind, about))

    def undo(self, who: Guest, activity: Json) -> None:
        inner = {name: activity[name] for name in ("id", "type", "actor", "object")}
        self.say(who, self.there.activity(who, "Undo", inner), f"Undo {activity['type']} by {who.name}")

    def create(self, who: Guest, note: Json) -> Json:
        self.say(who, self.there.create(who, note))
        return note

    def note(self, who: Guest, text: str, **more: object) -> Json:
        """A Note of ten minutes ago."""
        return self.there.note(who, text, published=self._ago(10), **more)

    def _ago(self, minutes: int) -> str:
        return to_wire(self.there.clock.now() - timedelta(minutes=minutes))

    def edit(self, who: Guest, note: Json, text: str, minutes: int) -> Json:
        """An Update that says it was made `minutes` after the Note; the newest one is what stands there."""
        moment = self._ago(10 - minutes)
        newer = note | {"content": f"<p>{text}</p>", "updated": moment}
        self.there.serve(urlsplit(str(note["id"])).path, newer)
        self.say(who, self.there.activity(who, "Update", newer))
        return newer

    def delete(self, who: Guest, note: Json) -> None:
        tomb: Json = {"id": note["id"], "type": "Tombstone", "formerType": "Note"}
        self.there.serve(urlsplit(str(note["id"])).path, tomb, status=410)
        self.act(who, "Delete", tomb)


async def prepared(towns: Towns) -> Scene:
    """A town with a sister and a stranger who have said nothing yet, and all that they will say."""
    town, sister = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(sister, town)
    there = stranger(towns)
    ola = await town.person("ola")
    first = await town.post("ola", "Pierwszy", to_region=True)
    mia, kim = there.person("mia"), there.person("kim")
    await follow(town, "ola", mia.uri)
    await town.house.federation.actors.ensure(kim.uri)  # so that her end is heard
    await towns.settle()
    before, sent = await rows(town), len(towns.network.log)
    own = await _by_sister(towns, sister, first, ola.uri)
    heard = [one for one in towns.network.log[sent:] if one.method == "POST" and town.host in one.url]
    parcels = [
        Parcel(f"{parse_object(one.body)['type']} of the sister", one.body, tuple(one.headers.items()))
        for one in heard
        if urlsplit(one.url).netloc == town.host
    ]
    await put_back(town, before)
    desk = _Writer(there, town)
    (wish,) = there.heard("Follow")
    desk.say(mia, there.activity(mia, "Accept", wish))
    _posts(desk, mia, own[0].uri)
    _follows(desk, ola.uri, town.house.at.region)
    _of_the_gone(desk, kim, first.uri, ola.uri)
    _twice_passed_on(desk, sister, own[1])
    return Scene(town, [*parcels, *desk.parcels])


async def _by_sister(towns: Towns, sister: Town, first: Post, ola: str) -> Sequence[Post]:
    """What people of the sister publish, edit, delete and do with a post of the town; gives two that stay."""
    read = await sister.house.federation.objects.ensure(first.uri)
    posts = [await sister.post("eva", f"Nachricht {number}", to_region=True) for number in range(4)]
    eva = await sister.person("eva")
    answer = await sister.post("eva", "Schön!", in_reply_to=first.uri)
    await follow(sister, "eva", ola)
    await sister.house.db.write(lambda unit: like(unit, eva, read, sister.house.at.activity(unit.new_id())))
    await towns.settle()
    towns.clock.forward(minutes=2)
    await sister.edit(posts[0], "Nachricht 0, verbessert")
    await sister.erase(posts[2])
    await sister.house.db.write(lambda unit: unlike(unit, eva, read))
    await towns.settle()
    towns.clock.forward(minutes=2)
    await sister.edit(posts[0], "Nachricht 0, noch einmal verbessert")
    await sister.edit(answer, "Sehr schön!")
    await towns.settle()
    return posts[0], posts[1]


def _posts(desk: _Writer, mia: Guest, of_sister: str) -> None:
    """Notes with edits, deletions, answers and reactions; only mia is followed."""
    there = desk.there
    tom, ona, pia = (there.person(name) for name in ("tom", "ona", "pia"))
    note = desk.create(mia, desk.note(mia, "Eins"))
    desk.edit(mia, note, "Eins, neu", 1)
    desk.edit(mia, note, "Eins, neuer", 2)
    gone = desk.create(mia, desk.note(mia, "Zwei"))
    desk.delete(mia, gone)
    answer = desk.create(tom, desk.note(tom, "Antwort", inReplyTo=note["id"]))
    desk.edit(tom, answer, "Antwort, neu", 1)
    desk.create(ona, desk.note(ona, "An die Schwester", inReplyTo=of_sister))
    liked = desk.act(tom, "Like", note["id"])
    desk.undo(tom, liked)
    desk.act(ona, "Like", note["id"])
    desk.act(tom, "Like", of_sister)
    passed_on = desk.act(ona, "Announce", note["id"])
    desk.undo(ona, passed_on)
    desk.act(pia, "Announce", note["id"])
    found = desk.create(tom, desk.note(tom, "Gefunden"))
    desk.act(mia, "Announce", found["id"])
    desk.edit(tom, found, "Gefunden, neu", 1)


def _follows(desk: _Writer, ola: str, region: str) -> None:
    """Follows that stay, end or become a block, as people do it: the follow is taken back first."""
    lea, max_, pia = (desk.there.person(name) for name in ("lea", "max", "pia"))
    desk.undo(pia, desk.act(pia, "Follow", ola))
    desk.act(pia, "Follow", region)
    desk.act(max_, "Follow", ola)
    desk.undo(lea, desk.act(lea, "Follow", ola))
    desk.act(lea, "Block", ola)
    desk.undo(max_, desk.act(max_, "Block", region))


def _of_the_gone(desk: _Writer, kim: Guest, first: str, ola: str) -> None:
    """An account that acts and then ends."""
    desk.act(kim, "Like", first)
    desk.act(kim, "Announce", first)
    desk.act(kim, "Follow", ola)
    desk.create(kim, desk.note(kim, "Kurz da", inReplyTo=first))
    desk.there.serve("/users/kim", b"", status=410)
    desk.act(kim, "Delete", kim.uri)


def _twice_passed_on(desk: _Writer, sister: Town, post: Post) -> None:
    """The sister's region announces one post again, under two further ids and once only by its address."""
    region = sister.house.at.region
    group = Guest(region, "region", PrivateKeys(region, *pair_for(region)))
    for number in range(2):
        said: Json = {
            "@context": CONTEXT,
            "id": f"{sister.house.at.base}/activities/{number + 1}",
            "type": "Announce",
            "actor": region,
            "to": [PUBLIC],
            "object": post.uri,
        }
        desk.say(group, said)
