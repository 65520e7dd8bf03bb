"""GET of collections: outbox, followers, pins, tags, moderators, replies, context, likes and shares."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.documents.items import answer, open_post
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.render import activity as render_activity
from fedi_cluster.federation.render import collection as render
from fedi_cluster.federation.render import post as render_post
from fedi_cluster.kernel.errors import Malformed, NotFound
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader

_PAGE = 20


@dataclass(frozen=True, slots=True)
class _Window:
    """Which page was asked: None stands for the collection itself, `before` for a page after the first."""

    page: bool
    before: int | None


def _window(request: Request) -> _Window:
    """Raises `Malformed` for a `before` that is no id."""
    text = request.query_params.get("before")
    before = parse_id(text) if text is not None else None
    if text is not None and before is None:
        raise Malformed("“before” must be an id: a decimal number.")
    return _Window(request.query_params.get("page") == "true", before)


def _subject(reader: Reader, request: Request) -> Actor:
    name = request.path_params.get("name")
    return instance_actor(reader) if name is None else actor_queries.need_local(reader, name)


async def outbox(request: Request, federation: Federation) -> Response:
    """GET …/outbox and its pages: the public activities of an actor, newest first."""
    window = _window(request)

    def read(reader: Reader) -> Json:
        who = _subject(reader, request)
        if not window.page:
            return render.outbox(who, _count(reader, activity_table.c.actor_id == who.id))
        rows = _activities(reader, who, window)
        more = len(rows) > _PAGE
        items = [
            _current(reader, federation, parse_object(bytes(row.document)), row.post_id)
            for row in rows[:_PAGE]
        ]
        return render.outbox_page(who, items, window.before, rows[_PAGE - 1].id if more else None)

    return answer(await federation.db.read(read))


def _shown() -> ColumnElement[bool]:
    """Activities of the outbox whose post is still there."""
    gone = select(post_table.c.id).where(
        post_table.c.id == activity_table.c.post_id, post_table.c.deleted_at.is_not(None)
    )
    return (activity_table.c.audience == "outbox") & ~gone.exists()


def _count(reader: Reader, condition: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(activity_table).where(condition, _shown())
    return int(reader.connection.execute(statement).scalar_one())


def _activities(reader: Reader, who: Actor, window: _Window) -> list["_Row"]:
    statement = (
        select(activity_table.c.id, activity_table.c.document, activity_table.c.post_id)
        .where(activity_table.c.actor_id == who.id, _shown())
        .order_by(activity_table.c.id.desc())
        .limit(_PAGE + 1)
    )
    if window.before is not None:
        statement = statement.where(activity_table.c.id < window.before)
    return [_Row(*row) for row in reader.connection.execute(statement)]


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    document: bytes
    post_id: int | None


def _current(reader: Reader, federation: Federation, document: Json, post_id: int | None) -> Json:
    """A Create shows its post as it is now, not as it was first sent."""
    if document["type"] != "Create" or post_id is None:
        return document
    post = post_queries.by_id(reader, post_id)
    assert post is not None, "an activity in the outbox goes with its post"
    return render_activity.create(post, str(document["id"]), render_post.post(federation.at, post))


async def followers(request: Request, federation: Federation) -> Response:
    """GET …/followers: only their number."""

    def read(reader: Reader) -> Json:
        who = _subject(reader, request)
        return render.followers(who, relationship_queries.count_followers(reader, who.id))

    return answer(await federation.db.read(read))


async def following(request: Request, federation: Federation) -> Response:
    """GET …/following: only their number."""

    def read(reader: Reader) -> Json:
        who = _subject(reader, request)
        return render.following(who, relationship_queries.count_following(reader, who.id))

    return answer(await federation.db.read(read))


async def featured(request: Request, federation: Federation) -> Response:
    """GET …/featured: nothing is pinned yet."""
    return answer(await federation.db.read(lambda reader: render.featured(_subject(reader, request), ())))


async def tags(request: Request, federation: Federation) -> Response:
    """GET …/tags: the hashtags of the profile."""
    return answer(
        await federation.db.read(lambda reader: render.tags(federation.at, _subject(reader, request)))
    )


async def moderators(request: Request, federation: Federation) -> Response:
    """GET …/moderators of a Group: the editorial accounts of the instance."""

    def read(reader: Reader) -> Json:
        group = _subject(reader, request)
        if group.type != "Group":
            raise NotFound("Only a group has moderators.")
        editors = [
            actor.uri
            for actor in actor_queries.locals_of_type(reader, "Organization")
            if actor.kind == "Editorial"
        ]
        return render.moderators(group, editors)

    return answer(await federation.db.read(read))


async def replies(request: Request, federation: Federation) -> Response:
    """GET /objects/ID/replies: public answers, the author's own first on the first page."""
    window = _window(request)

    def read(reader: Reader) -> Json:
        post = open_post(reader, federation.at, request.path_params["id"])
        found = post_queries.open_replies(reader, post.id, _PAGE + 1, window.before or 0)
        further = found[_PAGE - 1].id if len(found) > _PAGE else None
        shown = sorted(found[:_PAGE], key=lambda one: one.author.id != post.author.id)
        uris = [one.uri for one in shown]
        if window.before is not None:
            return render.replies_page(federation.at, post, uris, window.before, further)
        return render.replies(federation.at, post, uris, post.replies_count, further)

    return answer(await federation.db.read(read))


async def context(request: Request, federation: Federation) -> Response:
    """GET /objects/ID/context: the whole thread by time (FEP-f228)."""
    window = _window(request)

    def read(reader: Reader) -> Json:
        post = open_post(reader, federation.at, request.path_params["id"])
        thread = post_queries.open_thread(reader, post.thread_id, 10 * _PAGE)
        start = next((at + 1 for at, one in enumerate(thread) if one.id == window.before), 0)
        part = thread[start : start + _PAGE]
        further = part[-1].id if part and start + _PAGE < len(thread) else None
        uris = [one.uri for one in part]
        if window.before is not None:
            return render.context_page(federation.at, post, uris, window.before, further)
        return render.context(federation.at, post, uris, len(thread), further)

    return answer(await federation.db.read(read))


async def likes(request: Request, federation: Federation) -> Response:
    """GET /objects/ID/likes: only their number."""
    return answer(render.likes(federation.at, await _post(request, federation)))


async def shares(request: Request, federation: Federation) -> Response:
    """GET /objects/ID/shares: only their number."""
    return answer(render.shares(federation.at, await _post(request, federation)))


async def _post(request: Request, federation: Federation) -> Post:
    return await federation.db.read(open_post, federation.at, request.path_params["id"])
