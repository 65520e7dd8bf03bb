"""Who keeps a server busy while it is killed: guests at its inbox, and people at its commands.

Each of them acts alone on what is his, writes down what he intends, and says again what was not taken, as
every server does.
"""

import asyncio
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from tests.faults.ledger import Ledger, Note, Wish, Written
from tests.faults.machine import Machine
from tests.faults.peer import Peer

PAUSE = 0.01


@dataclass(eq=False)
class Guests:
    """Persons of the peer who publish, edit, delete, like and follow at the inbox of a machine."""

    name: str
    peer: Peer
    at: Machine
    ledger: Ledger
    chance: random.Random
    posts: list[str]
    """Ids of posts of the machine that may be liked and answered."""
    pause: float = PAUSE
    unsaid: list[tuple[int, Json]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    _made: int = 0

    async def act(self, stop: asyncio.Event) -> None:
        """Acts until `stop`; what was not acknowledged before is said first."""
        async with self.at.client(5) as client:
            while not stop.is_set():
                if self.unsaid:
                    number, activity = self.unsaid[0]
                else:
                    activity = self.chance.choice(self._acts())()
                    number = self.ledger.intend(str(activity["type"]), id=activity["id"])
                    self.unsaid.append((number, activity))
                if await self.peer.tell(client, self.at, activity) == 202:
                    self.ledger.acknowledge(number)
                    self.unsaid.pop(0)
                    if self.chance.random() < 0.2:  # the answer got lost on the way: it is said once more
                        await self.peer.tell(client, self.at, activity)
                await asyncio.sleep(self.pause)

    async def finish(self) -> None:
        """Says what is left; a server that runs must take it."""
        async with self.at.client(5) as client:
            for number, activity in self.unsaid:
                status = await self.peer.tell(client, self.at, activity)
                assert status == 202, (status, activity)
                self.ledger.acknowledge(number)
            self.unsaid.clear()

    def _acts(self) -> list[Callable[[], Json]]:
        acts = [self._create, self._create, self._follow]
        acts += [self._edit, self._delete] if self.notes else []
        acts += [self._unfollow] if self.wishes else []
        acts += [self._like] if self.posts else []
        return acts

    @property
    def _author(self) -> str:
        return self.peer.person("mia")

    def _text(self) -> str:
        self._made += 1
        return f"{self.name} {self._made}"

    def _create(self) -> Json:
        text = self._text()
        document = self.peer.note(self._author, text)
        note = Note(str(document["id"]), text, self.at.base)
        self.notes.append(note)
        self.ledger.notes.append(note)
        return self.peer.activity(self._author, "Create", document, to=document["to"], cc=document["cc"])

    def _edit(self) -> Json:
        note = self.chance.choice(self.notes)
        document = self.peer.notes[note.uri]
        now = to_wire(datetime.now(UTC))
        if str(document.get("updated", document["published"])) >= now:
            return self._create()  # the wire carries whole seconds: two versions of one have no order
        note.text = self._text()
        document |= {"content": f"<p>{note.text}</p>", "updated": now}
        return self.peer.activity(self._author, "Update", dict(document), to=document["to"])

    def _delete(self) -> Json:
        note = self.notes.pop(self.chance.randrange(len(self.notes)))
        note.gone = True
        tomb: Json = {"id": note.uri, "type": "Tombstone", "formerType": "Note"}
        self.peer.notes[note.uri] = tomb
        return self.peer.activity(self._author, "Delete", tomb)

    def _follow(self) -> Json:
        self._made += 1
        guest = self.peer.person(f"{self.name}{self._made}")
        target = f"{self.at.base}/actors/{self.chance.choice(('region', 'office'))}"
        said = self.peer.activity(guest, "Follow", target)
        wish = Wish(str(said["id"]), guest, target)
        self.wishes.append(wish)
        self.ledger.wishes.append(wish)
        return said

    def _unfollow(self) -> Json:
        wish = self.wishes.pop(self.chance.randrange(len(self.wishes)))
        wish.standing = False
        inner = {"id": wish.id, "type": "Follow", "actor": wish.guest, "object": wish.target}
        return self.peer.activity(wish.guest, "Undo", inner)

    def _like(self) -> Json:
        self._made += 1
        guest, post = self.peer.person(f"{self.name}{self._made}"), self.chance.choice(self.posts)
        self.ledger.likes.setdefault(post, set()).add(guest)
        return self.peer.activity(guest, "Like", post)


@dataclass(eq=False)
class Office:
    """Somebody at the commands of a machine, who publishes, edits and deletes; now and then it is cut off."""

    name: str
    at: Machine
    ledger: Ledger
    chance: random.Random
    cut_off: float = 0.2
    pause: float = 0.0
    written: list[Written] = field(default_factory=list)
    _made: int = 0

    async def act(self, stop: asyncio.Event) -> None:
        """Acts until `stop`; what has begun is ended."""
        while not stop.is_set():
            await asyncio.sleep(self.pause)
            known = [one for one in self.written if one.uri and one.gone is False]
            kind = self.chance.choice(("post", "post", "edit", "delete")) if known else "post"
            if kind == "post":
                await self._post()
            elif kind == "edit":
                await self._edit(self.chance.choice(known))
            else:
                await self._delete(self.chance.choice(known))

    async def _run(self, what: str, *arguments: str) -> str | None:
        """What the command said; None where it was cut off or failed: then nobody knows."""
        number = self.ledger.intend(f"{self.name} {what}", arguments=list(arguments))
        if self.chance.random() < self.cut_off:
            process = self.at.begin(*arguments)
            try:
                await asyncio.to_thread(process.wait, self.chance.uniform(0.3, 1.2))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return None
        done = await self.at.command(*arguments)
        if done.code:
            return None
        self.ledger.acknowledge(number)
        return done.said

    def _text(self, token: str) -> str:
        self._made += 1
        return f"{token} version {self._made}"

    async def _post(self) -> None:
        self._made += 1
        one = Written(f"{self.name}{self._made}x")
        self.ledger.written.append(one)
        self.written.append(one)
        text = self._text(one.token)
        one.texts = {text}
        said = await self._run("post", "post", text)
        one.uri = said.split()[1] if said else None

    async def _edit(self, one: Written) -> None:
        text = self._text(one.token)
        one.texts = one.texts | {text}
        one.edits += 1
        if await self._run("edit", "post", "edit", str(one.uri), text):
            one.texts = {text}

    async def _delete(self, one: Written) -> None:
        one.gone = None
        if await self._run("delete", "post", "delete", str(one.uri)):
            one.gone = True
