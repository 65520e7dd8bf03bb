"""Takes what a sister's digest lists: her posts, edits, deletions and accounts, each read at its origin."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger, periods
from fedi_cluster.community.regions.shapes import Held, Listed
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import ask_for_verification, keep_post
from fedi_cluster.federation.remote.objects import ReadPost, store
from fedi_cluster.federation.vocab.kinds import ACTORS
from fedi_cluster.federation.vocab.values import moment, terms
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Gone, NotFound, Refused, Unreachable
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.unit import Unit

Effect = Callable[[Unit], None]


async def take(federation: Federation, member: Member, row: Listed, held: Held | None) -> Effect:
    """Reads one listed thing and gives what is to be written. Raises what reading raises.

    What cannot be shown here (a type that we do not know) is listed all the same: the origin decides.
    """
    if held is not None and not held.listed and held.what == row:
        # The copy came already; only that it is listed was not known.
        return lambda unit: _enlisted(unit, federation, member, row)
    if row.deleted:
        return await _take_deletion(federation, row)
    if row.type in ACTORS:
        await federation.actors.read_listed(row.uri)
        return lambda unit: _listed_at_least(unit, row)
    found, raw = await federation.objects.document(row.uri)
    said = _version(raw)
    if said is None or said < row.version:
        raise Unreachable("The post is older than its digest says.", permanent=True, detail=row.uri)
    try:
        read = await federation.objects.made_ready(found, raw)
    except Refused as error:
        if isinstance(error, NotFound | Gone):
            raise
        return lambda unit: _unshown(unit, row, raw)
    return lambda unit: _taken(unit, federation, member, row, read)


async def _take_deletion(federation: Federation, row: Listed) -> Effect:
    """Her signed digest says that it is gone, and its own address must, too; its tombstone is kept."""
    raw = await federation.fetcher.buried(row.uri)
    deleted = moment(terms(raw).get("deleted")) if raw else None
    fits = deleted is not None and whole_second(deleted) == row.version and "proof" in raw
    return lambda unit: _deleted(unit, row, dumps(raw) if fits else None)


def _deleted(unit: Unit, row: Listed, document: bytes | None) -> None:
    post, actor = post_queries.by_uri(unit, row.uri), actor_queries.by_uri(unit, row.uri)
    if post is not None and not post.local:
        post_actions.erase(unit, post.author, post, row.version)
    elif actor is not None and not actor.local:
        post_actions.erase_all(unit, actor)
        post_actions.withdraw_all(unit, actor)
        relationship_actions.end_all(unit, actor)
        actor_actions.delete_actor(unit, actor)
    elif post is None and actor is None:
        post_actions.forget(unit, row.uri, row.type or None, row.version)
    ledger.put(unit, row, listed=True, document=document, forced=True)
    if document is not None:
        ask_for_verification(unit)


def _taken(unit: Unit, federation: Federation, member: Member, row: Listed, read: ReadPost) -> None:
    post = post_queries.by_uri(unit, row.uri)
    if post is None:
        if post_queries.tombstone(unit, row.uri):
            return  # deleted meanwhile; a deletion is never undone
        post = store(unit, read.author, read.ready)
    else:
        post_actions.edit(unit, read.author, post, read.ready)
    keep_post(unit, federation.at, post, read.raw, taken=True)
    _listed_at_least(unit, row)
    _passed_on(unit, federation, member, post, row)


def _enlisted(unit: Unit, federation: Federation, member: Member, row: Listed) -> None:
    ledger.enlist(unit, row.uri)
    post = post_queries.by_uri(unit, row.uri)
    if post is not None:
        _passed_on(unit, federation, member, post, row)


def _unshown(unit: Unit, row: Listed, raw: Json) -> None:
    document = dumps(raw) if "proof" in raw else None
    ledger.put(unit, row, listed=True, document=document)
    if document is not None:
        ask_for_verification(unit)


def _listed_at_least(unit: Unit, row: Listed) -> None:
    """Lists the thing in the version that we read; one without a copy in the version that was listed."""
    known = ledger.held(unit, row.uri)
    if known is None or known.what.version < row.version:
        ledger.put(unit, row, listed=True, forced=True)
    else:
        ledger.enlist(unit, row.uri)


def _passed_on(unit: Unit, federation: Federation, member: Member, post: Post, row: Listed) -> None:
    """Being listed is as good as being announced by the region: a later Announce changes nothing."""
    if post.in_reply_to is not None or not is_open(post):
        return
    region = actor_queries.by_uri(unit, member.entry.region)
    if region is None:
        return
    prefix = f"{member.entry.actor.removesuffix('/actor')}/cluster/digest"
    uri = f"{periods.address(prefix, periods.day_of(row.published_at))}#{post.uri}"
    # One that may not be passed on says nothing about the others.
    with suppress(Refused):
        post_actions.announce(unit, region, post, uri)


def _version(raw: Json) -> datetime | None:
    members = terms(raw)
    said = moment(members.get("updated")) or moment(members.get("published"))
    return whole_second(said) if said is not None else None


async def lost_there(federation: Federation, held: Held) -> bool | None:
    """Whether the origin lost what we hold and it does not list: neither there, nor a tombstone of it.

    False where it has it and only does not list it; None where it cannot be told now.
    """
    if held.what.deleted:
        return True
    try:
        raw = await federation.fetcher.document(held.what.uri)
    except NotFound:
        return True
    except (Gone, Unreachable, Refused):
        return None
    said = _version(raw)
    return said is None or said < held.what.version
