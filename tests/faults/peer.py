"""A server that somebody else might run: persons with keys, an inbox that remembers, and bad manners on demand.

It stands on loopback with real sockets and shares only the signing with our code.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair, public_pem
from fedi_cluster.federation.signatures.sign import sign_cavage
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json, dumps, parse_object
from tests.faults.machine import LOOPBACK, Machine

AS2 = "application/activity+json"
_CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
_AN_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How the peer treats a POST: `status` and `headers`, or what is worse. `wait` are seconds before any answer.

    `worse` is `hang` (no answer), `drip` (one byte a second), `reset` (the connection is torn), `garbage`
    (no HTTP), or empty.
    """

    status: int = 202
    headers: tuple[tuple[str, str], ...] = ()
    worse: str = ""
    wait: float = 0.0


WELL = Manner()


@dataclass(eq=False)
class Peer:
    """`taken` are the activities that it answered 2xx, by id; `times` has the arrival of every try."""

    slug: str
    port: int = 0
    domain: str = "localhost"
    manner: Manner = WELL
    taken: dict[str, Json] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, Json] = field(default_factory=dict)
    pair: tuple[str, str] = field(default_factory=generate_pair)
    last_headers: httpx.Headers = field(default_factory=httpx.Headers)
    _made: int = 0

    @property
    def authority(self) -> str:
        """Host and port as they stand in ids."""
        return f"{self.slug}.{self.domain}:{self.port}"

    @property
    def base(self) -> str:
        """The public address."""
        return f"http://{self.authority}"

    def person(self, name: str) -> str:
        """The id of a person; any name is somebody here."""
        return f"{self.base}/users/{name}"

    def new_id(self, kind: str = "activities") -> str:
        """A fresh id."""
        self._made += 1
        return f"{self.base}/{kind}/{self._made}"

    def activity(self, actor: str, kind: str, about: object, **more: object) -> Json:
        """An activity of a person with a fresh id."""
        head: Json = {"@context": _CONTEXT, "id": self.new_id(), "type": kind, "actor": actor}
        return head | {"object": about} | more

    def note(self, author: str, text: str, **more: object) -> Json:
        """A public Note; it stands at its id from now on."""
        uri = self.new_id("notes")
        self.notes[uri] = {
            "@context": _CONTEXT,
            "id": uri,
            "type": "Note",
            "attributedTo": author,
            "content": f"<p>{text}</p>",
            "published": to_wire(datetime.now(UTC)),
            "to": [PUBLIC],
            "cc": [f"{author}/followers"],
        } | more
        return self.notes[uri]

    def heard(self, kind: str) -> list[Json]:
        """What it took of one type, in order, each activity once."""
        return [self.taken[uri] for uri in self.order if self.taken[uri]["type"] == kind]

    async def tell(self, client: httpx.AsyncClient, to: Machine, activity: Json) -> int | None:
        """Delivers to the shared inbox of a machine; gives the status, None where no answer came.

        `last_headers` are those of the answer.
        """
        body = dumps(activity)
        actor = str(activity["actor"])
        keys = PrivateKeys(actor, *self.pair)
        signed = sign_cavage("POST", f"{to.base}/inbox", body, keys, datetime.now(UTC), content_type=AS2)
        try:
            answer = await client.post("/inbox", content=body, headers=signed)
        except httpx.HTTPError:
            return None
        self.last_headers = answer.headers
        return answer.status_code

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive while its requests are well treated."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while request := await _read(reader):
                method, path, body = request
                if method == "POST" and self.manner.worse:
                    self.times[str(parse_object(body).get("id"))].append(time.monotonic())
                    await self._misbehave(writer)
                    break
                answer = self._inbox(body) if method == "POST" else self._document(path)
                await asyncio.sleep(self.manner.wait)
                writer.write(answer)
                await writer.drain()
        writer.close()

    def _inbox(self, body: bytes) -> bytes:
        activity = parse_object(body)
        uri = str(activity["id"])
        self.times[uri].append(time.monotonic())
        manner = self.manner
        if 200 <= manner.status < 300 and uri not in self.taken:
            self.taken[uri] = activity
            self.order.append(uri)
        return _answer(manner.status, b"", manner.headers)

    def _document(self, path: str) -> bytes:
        parts = urlsplit(path)
        if parts.path.startswith("/users/"):
            return _answer(200, dumps(self._actor(parts.path.removeprefix("/users/"))))
        found = self.notes.get(self.base + parts.path)
        if found is None:
            return _answer(404, b"")
        return _answer(410 if found["type"] == "Tombstone" else 200, dumps(found))

    def _actor(self, name: str) -> Json:
        uri = self.person(name)
        key = {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": public_pem(self.pair[0])}
        return {
            "@context": _CONTEXT,
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{self.base}/inbox",
            "followers": f"{uri}/followers",
            "endpoints": {"sharedInbox": f"{self.base}/inbox"},
            "publicKey": key,
        }

    async def _misbehave(self, writer: asyncio.StreamWriter) -> None:
        match self.manner.worse:
            case "hang":
                await asyncio.sleep(_AN_HOUR)
            case "drip":
                for byte in _answer(202, b""):
                    writer.write(bytes((byte,)))
                    await writer.drain()
                    await asyncio.sleep(1)
            case "reset":
                writer.transport.abort()
            case "garbage":
                writer.write(b"\x16\x03\x01 never HTTP\r\n\r\n" * 3)


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, bytes] | None:
    """Method, path and body of the next request; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ")
    named = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    return method, path, await reader.readexactly(int(named.get("content-length", "0")))


def _answer(status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {AS2}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def peer(slug: str, manner: Manner = WELL) -> AsyncIterator[Peer]:
    """A peer on a free port of loopback, gone at the end."""
    found = Peer(slug, manner=manner)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await found.serve(reader, writer)
        finally:
            connections.discard(task)

    listening = await asyncio.start_server(connected, LOOPBACK, 0)
    found.port = listening.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listening.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
