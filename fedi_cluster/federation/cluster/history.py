"""Fetches what a sister's region announced before we met: bounded, page by page, resumable."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.actions import PublishPost
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.objects import store
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import (
    Announce,
    CollectionDocument,
    CollectionPage,
    Unreadable,
)
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, nothing
from fedi_cluster.kernel.errors import ClusterError, Refused, Unreachable
from fedi_cluster.storage.unit import Unit

_AT_ONCE = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """One announced post of the history; `ready` is None where we have the post already."""

    announce: Announce
    uri: str
    author: Actor | None
    ready: PublishPost | None


@dataclass(frozen=True, slots=True)
class _Outlook:
    """How many posts the list tells of, where it goes on, and the number of this reading."""

    total: int | None
    following: str | None
    reading: int


async def fetch_history(federation: Federation, job: Job) -> Outcome:
    """One page of the outbox of a sister's region; the next page is a job of its own.

    Stops after `limits.backfill_items` posts or `limits.backfill_pages` readings: a list may go on without
    end and bring nothing. A post that cannot be read is left out. Where the list itself cannot be read, the
    history has failed, and the next greeting takes it up where it stood.
    """
    host, reading = cast(str, job.payload["host"]), cast(int, job.payload.get("reading", 1))
    member = await federation.db.read(queries.member, host)
    if member is None or not member.is_sister or member.history_next is None:
        return nothing
    try:
        region = await federation.actors.ensure(member.entry.region)
        total, items, following = await _page(federation, member.history_next)
    except ClusterError as error:
        if error.again:
            raise
        _log.warning("the history of %s cannot be read: %s", host, error.detail)
        return lambda unit: membership.note_history(unit, host, history_state="failed")
    announces = [found for item in items if (found := _announce(item, region.uri)) is not None]
    gate = asyncio.Semaphore(_AT_ONCE)
    read = await asyncio.gather(*(_read(federation, gate, said) for said in announces))
    known = [one for one in read if one]
    return lambda unit: _write(unit, federation, member, _Outlook(total, following, reading), known)


async def _page(
    federation: Federation, uri: str
) -> tuple[int | None, tuple["str | dict[str, object]", ...], str | None]:
    """Total (where told), items and next page behind an address: of an outbox, or of one of its pages."""
    document = await federation.fetcher.part(uri)
    found = parse.collection(document)
    if isinstance(found, CollectionDocument) and (found.first is not None or found.items):
        if isinstance(found.first, CollectionPage):
            return found.total_items, found.first.items, found.first.next
        return found.total_items, found.items, found.first
    page = parse.page(document)
    if isinstance(page, Unreadable):
        raise Unreachable("The history cannot be read.", permanent=True, detail=page.reason)
    return None, page.items, page.next


def _announce(item: "str | dict[str, object]", region: str) -> Announce | None:
    said = parse.activity(item) if isinstance(item, dict) else None
    return said if isinstance(said, Announce) and said.actor == region else None


async def _read(federation: Federation, gate: asyncio.Semaphore, said: Announce) -> _Found | None:
    known = await federation.db.read(post_queries.by_uri, said.object_id)
    if known is not None:
        return _Found(said, said.object_id, None, None)
    async with gate:
        try:
            author, ready = await federation.objects.read(said.object_id)
        except ClusterError as error:
            if error.again:
                raise
            return None
    return _Found(said, said.object_id, author, ready)


def _write(
    unit: Unit,
    federation: Federation,
    member: Member,
    outlook: _Outlook,
    found: list[_Found],
) -> None:
    region = actor_queries.by_uri(unit, member.entry.region)
    assert region is not None, "its actor was read before its history"
    for one in reversed(found):
        post = post_queries.by_uri(unit, one.uri)
        if post is None and one.author and one.ready and not post_queries.tombstone(unit, one.uri):
            post = store(unit, one.author, one.ready)
        if post and not post.deleted_at:
            # One that may not be passed on says nothing about the others.
            with suppress(Refused):
                post_actions.announce(unit, region, post, one.announce.id)
    limits = federation.settings.limits
    done, following = member.history_done + len(found), outlook.following
    if following is not None and not same_origin(following, member.entry.region):
        following = None
    within = done < limits.backfill_items and outlook.reading < limits.backfill_pages
    goes_on = following is not None and within
    membership.note_history(
        unit,
        member.host,
        history_done=done,
        history_total=member.history_total if outlook.total is None else outlook.total,
        history_next=following if goes_on else None,
        history_state="running" if goes_on else "done",
    )
    if goes_on:
        again = {"host": member.host, "reading": outlook.reading + 1}
        queue.enqueue(unit, "cluster.history", again, lane=f"history:{member.host}")
