"""What must hold, as a list of what does not: a server compared with the ledger, with its sister and its peer."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.kernel.json import Json
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.wiring import House
from tests.faults.ledger import Ledger, Note, Wish, Written
from tests.faults.machine import Machine
from tests.faults.peer import Peer


@dataclass(frozen=True, slots=True)
class Seen:
    """A post as a machine has it, `gone` where only its tombstone stands."""

    uri: str
    content: str
    gone: bool
    version: str


def problems(house: House, ledger: Ledger, office: Iterable[Written]) -> list[str]:
    """What the machine itself lacks or has too much of; `office` are the posts that were written there."""

    def read(reader: Reader) -> list[str]:
        return [
            *(told for note in ledger.notes for told in _note(reader, note)),
            *(told for wish in ledger.wishes for told in _wish(reader, wish)),
            *(told for post, guests in ledger.likes.items() for told in _likes(reader, post, guests)),
            *_written(reader, office),
        ]

    return house.db.read_now(read)


def _note(reader: Reader, note: Note) -> Iterator[str]:
    post = post_queries.by_uri(reader, note.uri)
    if note.gone:
        if post and not post.deleted_at:
            yield f"{note.uri} stands, though it was deleted"
    elif post is None or post.deleted_at:
        yield f"{note.uri} is lost"
    elif post.content != f"<p>{note.text}</p>":
        yield f"{note.uri} says {post.content}, not {note.text}"


def _wish(reader: Reader, wish: Wish) -> Iterator[str]:
    follower = actor_queries.by_uri(reader, wish.guest)
    target = actor_queries.by_uri(reader, wish.target)
    found = (
        relationship_queries.follow_between(reader, follower.id, target.id) if follower and target else None
    )
    if wish.standing != (found is not None):
        yield f"{wish.guest} {'does not follow' if wish.standing else 'still follows'} {wish.target}"


def _likes(reader: Reader, uri: str, guests: set[str]) -> Iterator[str]:
    post = post_queries.by_uri(reader, uri)
    if post and not post.deleted_at and post.likes_count != len(guests):
        yield f"{uri} has {post.likes_count} likes, not {len(guests)}"


def _written(reader: Reader, office: Iterable[Written]) -> Iterator[str]:
    by_token: dict[str, list[Seen]] = defaultdict(list)
    by_uri: dict[str, Seen] = {}
    for row in reader.connection.execute(select(post_table).where(post_table.c.local.is_(True))):
        seen = Seen(row.uri, row.content, row.deleted_at is not None, str(row.updated_at))
        by_uri[seen.uri] = seen
        by_token[seen.content.removeprefix("<p>").partition(" ")[0]].append(seen)
    for one in office:
        if len(by_token[one.token]) > 1:
            yield f"{one.token} stands {len(by_token[one.token])} times"
        if one.uri is None:
            continue
        found = by_uri.get(one.uri)
        if found is None:
            if not one.gone:
                yield f"{one.uri} ({one.token}) is lost"
        elif one.gone is not None and found.gone != one.gone:
            yield f"{one.uri} is {'gone' if found.gone else 'still there'}"
        elif not found.gone and found.content not in {f"<p>{text}</p>" for text in one.texts}:
            yield f"{one.uri} says {found.content}, not one of {one.texts}"


def timeline(house: House) -> dict[str, tuple[str, str]]:
    """The cluster timeline: id to text and version, all pages."""

    def read(reader: Reader) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        before = None
        while True:
            page = timelines.cluster(reader, PageRequest(limit=200, before=before))
            found |= {one.post.uri: (one.post.content, str(one.post.version)) for one in page.items}
            if len(page.items) < 200:
                return found
            before = page.items[-1].post.id

    return house.db.read_now(read)


def unequal(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """What two sisters do not show alike."""
    differing = {uri for uri in {*one, *other} if one.get(uri) != other.get(uri)}
    return [f"{uri}: here {one.get(uri)}, at the sister {other.get(uri)}" for uri in sorted(differing)]


def told(house: House, peer: Peer, office: str, region: str) -> list[str]:
    """What the peer did not hear of the machine's posts, or heard by two activities."""
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    last: dict[str, str] = {}
    for uri in peer.order:
        activity = peer.taken[uri]
        kind, about = str(activity["type"]), activity.get("object")
        target = str(about["id"]) if isinstance(about, dict) else str(about)
        if kind == "Announce" and activity["actor"] != region:
            continue
        heard[target][kind] += 1
        if kind in ("Create", "Update") and isinstance(about, dict):
            last[target] = str(about["content"])
    return house.db.read_now(lambda reader: list(_told(reader, heard, last, office)))


def _told(
    reader: Reader, heard: Mapping[str, Counter[str]], last: Mapping[str, str], office: str
) -> Iterator[str]:
    author = actor_queries.by_uri(reader, office)
    assert author is not None
    rows = reader.connection.execute(
        select(post_table.c.uri, post_table.c.content, post_table.c.deleted_at).where(
            post_table.c.author_id == author.id
        )
    )
    for uri, content, deleted_at in rows:
        counts = heard.get(uri, Counter())
        for kind in ("Create", "Announce", "Delete"):
            if counts[kind] > 1:
                yield f"{counts[kind]} different {kind} of {uri}"
        if deleted_at is None:
            for kind in ("Create", "Announce"):
                if not counts[kind]:
                    yield f"no {kind} of {uri} arrived"
            if last.get(uri) != content:
                yield f"the peer has {last.get(uri)} of {uri}, not {content}"
        elif counts["Create"] and not counts["Delete"]:
            yield f"no Delete of {uri} arrived"


def answered(ledger: Ledger, peer: Peer) -> list[str]:
    """Follows that were not accepted, or by two activities."""
    accepts: Counter[str] = Counter()
    for activity in peer.heard("Accept"):
        about = activity["object"]
        accepts[str(about["id"]) if isinstance(about, dict) else str(about)] += 1
    lacking = [f"no Accept of {wish.id}" for wish in ledger.wishes if wish.standing and not accepts[wish.id]]
    return lacking + [f"{count} different Accepts of {uri}" for uri, count in accepts.items() if count > 1]


def integrity(machine: Machine) -> list[str]:
    """What SQLite finds wrong in its file; nothing on PostgreSQL, which is asked by its own tools."""
    if machine.database_url:
        return []
    with closing(sqlite3.connect(f"file:{machine.file}?mode=ro", uri=True)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        broken = [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    return [line for line in found if line != "ok"] + broken


async def dead_jobs(machine: Machine) -> list[str]:
    """Work that was given up, with its reason."""
    lines = (await machine.said("jobs", "list", "--json")).splitlines()
    jobs: list[Json] = [json.loads(line) for line in lines]
    return [f"{job['kind']}: {job.get('error')}" for job in jobs if job["state"] == "dead"]


def has(house: House, uri: str) -> Post | None:
    """The post as the machine has it."""
    return house.db.read_now(post_queries.by_uri, uri)
