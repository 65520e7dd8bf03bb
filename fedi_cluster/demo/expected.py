"""What must stand in every region, compared with what pages and documents say; it waits for nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from fedi_cluster.demo.facts import DemoItem
from fedi_cluster.demo.gathering import each
from fedi_cluster.demo.pages import PostPage, read, read_list, read_post
from fedi_cluster.demo.publish import PublishedItem
from fedi_cluster.demo.servers import AS2, Server, Visitor
from fedi_cluster.demo.texts import as_read, summary_of, text_of
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.kernel.json import Json, parse_object

MOST_PAGES = 50
FRAMES = ("sv", "lt", "de")
"""Page languages to look at posts in: none is a translation of the demo, so every post shows its original."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A post addressed to a region, as it must be read everywhere.

    `uri` is its ActivityPub id, `url` its page at the origin; `text` and `lede` are read as one line; `links`
    must stand in the text; `languages` are all of it, the original first.
    """

    origin: Server
    uri: str
    url: str
    type: str
    text: str
    languages: tuple[str, ...]
    links: tuple[str, ...] = ()
    title: str | None = None
    lede: str | None = None

    @property
    def path(self) -> str:
        """The local path of the id at its origin."""
        return self.uri.removeprefix(self.origin.base)


def of_item(item: DemoItem, origin: Server, found: PublishedItem) -> Expected:
    """What must be read of a published item."""
    language = item.language
    lede = summary_of(item, language)
    return Expected(
        origin=origin,
        uri=found.uri,
        url=found.url,
        type=item.object_type,
        text=as_read(text_of(item, language), item.tags),
        languages=tuple(item.summaries),
        links=item.sources,
        title=" ".join(item.title.split()),
        lede=" ".join(lede.split()) if lede else None,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a post stands on an instance, by its local path, and as what it was found right."""

    path: str
    as_expected: Expected | None


Sights = Mapping[tuple[str, str], Seen]
"""What was seen so far, by the slug of an instance and the id of a post."""


def compare(servers: Sequence[Server], posts: Iterable[Expected], before: Sights) -> tuple[list[str], Sights]:
    """Looks at every page of the cluster timeline of each server, at every post there, and at its document.

    A post that was found right `before` and must be the same now is only counted. Gives what is wrong, and
    what was seen.
    """
    wanted = {one.uri: one for one in posts}
    faults: list[str] = []
    seen: dict[tuple[str, str], Seen] = dict(before)
    pages = each(lambda one: _pages(one, wanted, before), servers)
    documents = each(lambda one: _documents(one, wanted, before), servers)
    for server, (wrong, there), false in zip(servers, pages, documents, strict=True):
        faults += [f"{server.slug}: {fault}" for fault in wrong]
        faults += [f"{server.slug}, document: {fault}" for fault in false]
        seen |= {(server.slug, uri): sight for uri, sight in there.items()}
    return faults, seen


def place_of(sights: Sights, server: Server, post: Expected) -> str:
    """The local path of a post on a server; raises `NotFound` where it never stood there."""
    found = sights.get((server.slug, post.uri))
    if found is None:
        raise NotFound(f"{post.uri} never stood in {server.slug}.")
    return found.path


def timeline(visitor: Visitor) -> list[str]:
    """The local paths of all posts of the cluster timeline, page by page."""
    found: list[str] = []
    path: str | None = "/public/cluster"
    for _ in range(MOST_PAGES):
        if path is None:
            break
        page = read_list(visitor.get(path).text)
        found += [post for post, _ in page.posts]
        path = page.older
    return found


def _pages(
    server: Server, wanted: Mapping[str, Expected], before: Sights
) -> tuple[list[str], dict[str, Seen]]:
    faults: list[str] = []
    there: dict[str, Seen] = {}
    known = {sight.path: uri for (slug, uri), sight in before.items() if slug == server.slug}
    seen: Counter[str] = Counter()
    with Visitor(server) as visitor:
        for number, path in enumerate(timeline(visitor)):
            uri = known.get(path, "")
            if uri in wanted and _is_settled(before, server, wanted[uri]):
                seen[uri] += 1
                continue
            answer = visitor.get(path, language=FRAMES[number % len(FRAMES)])
            page = read_post(answer.text)
            if answer.status != HTTPStatus.OK or page is None:
                faults.append(f"{path or 'a post without a link'} is no page of a post ({answer.status})")
                continue
            seen[page.uri] += 1
            expected = wanted.get(page.uri)
            wrong = _differences(page, expected, server) if expected else [f"{page.uri} should not be there"]
            there[page.uri] = Seen(path, None if wrong else expected)
            faults += [f"{path}: {fault}" for fault in wrong]
    faults += [f"{one.uri} is missing" for one in wanted.values() if not seen[one.uri]]
    faults += [f"{uri} is there {times} times" for uri, times in seen.items() if times > 1]
    return faults, there


def _is_settled(before: Sights, server: Server, expected: Expected) -> bool:
    """Whether a post was found right on a server, and nothing was done to it since."""
    sight = before.get((server.slug, expected.uri))
    return sight is not None and sight.as_expected == expected


def _differences(page: PostPage, expected: Expected, server: Server) -> list[str]:
    compared: list[tuple[str, object, object]] = [
        ("author", page.author, expected.origin.office),
        ("title", page.title, expected.title),
        ("lede", page.lede, expected.lede),
        ("text", page.text, expected.text),
        ("language", page.language, expected.languages[0]),
        ("page on its own server", page.origin, None if server is expected.origin else expected.url),
    ]
    faults = [f"its {what} is “{there}”, not “{right}”" for what, there, right in compared if there != right]
    return faults + [f"it does not link to {link}" for link in expected.links if link not in page.links]


def _documents(server: Server, wanted: Mapping[str, Expected], before: Sights) -> list[str]:
    """Faults of the ActivityStreams documents of a server's own posts, and of its region's outbox."""
    own = [one for one in wanted.values() if one.origin is server]
    faults: list[str] = []
    with Visitor(server) as visitor:
        for one in own:
            if _is_settled(before, server, one):
                continue
            answer = visitor.get(one.path, accept=AS2)
            if answer.status != HTTPStatus.OK:
                faults.append(f"{one.uri} answers {answer.status}")
                continue
            faults += [
                f"{one.uri}: {fault}" for fault in _document_faults(parse_object(answer.text.encode()), one)
            ]
        announced = Counter(_announced(visitor, server))
    faults += [f"{one.uri} is announced {announced[one.uri]} times" for one in own if announced[one.uri] != 1]
    return faults


def _document_faults(document: Json, expected: Expected) -> list[str]:
    base = expected.origin.base
    region = f"{base}/actors/region"
    contents = cast(Json, document.get("contentMap") or {})
    content = read(str(document.get("content", ""))).text
    headed = expected.title is not None and expected.type == "Note"
    compared: list[tuple[str, object, object]] = [
        ("id", document.get("id"), expected.uri),
        ("type", document.get("type"), expected.type),
        ("author", document.get("attributedTo"), f"{base}/actors/{expected.origin.region.editorial_handle}"),
        ("audience", document.get("audience"), region),
        ("page", document.get("url"), expected.url),
        ("languages", tuple(contents), expected.languages),
        ("text", content, f"{expected.title} {expected.text}" if headed else expected.text),
        ("name", document.get("name"), expected.title if expected.type == "Article" else None),
    ]
    faults = [f"its {what} is “{there}”, not “{right}”" for what, there, right in compared if there != right]
    if region not in cast(list[object], document.get("cc") or []):
        faults.append("it is not sent to the region")
    return faults


def _announced(visitor: Visitor, server: Server) -> list[str]:
    """What the region announced, by its outbox."""
    found: list[str] = []
    path: str | None = "/actors/region/outbox"
    for _ in range(MOST_PAGES):
        if path is None:
            break
        page = parse_object(visitor.get(path, accept=AS2).text.encode())
        following = page.get("next") or page.get("first")
        items = cast(list[Json], page.get("orderedItems") or [])
        found += [str(one.get("object")) for one in items if one.get("type") == "Announce"]
        path = following.removeprefix(server.base) if isinstance(following, str) else None
    return found


def gone(servers: Sequence[Server], post: Expected, sights: Sights) -> list[str]:
    """What of a deleted post is still there: its pages must say 410, its document be a `Tombstone`."""
    faults = []
    for server in servers:
        with Visitor(server) as visitor:
            path = place_of(sights, server, post)
            status = visitor.get(path).status
            if status != HTTPStatus.GONE:
                faults.append(f"{server.slug}: {path} answers {status}, not 410")
            if path in timeline(visitor):
                faults.append(f"{server.slug}: {path} is still in the timeline")
    with Visitor(post.origin) as visitor:
        answer = visitor.get(post.path, accept=AS2)
    if answer.status != HTTPStatus.GONE:
        faults.append(f"{post.uri} answers {answer.status}, not 410")
    elif parse_object(answer.text.encode()).get("type") != "Tombstone":
        faults.append(f"{post.uri} is no Tombstone")
    return faults
