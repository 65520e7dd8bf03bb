"""Foreign posts of every type and their tombstones; HTML stays raw, and no authorship is judged."""

import re
from typing import cast

import orjson

from fedi_cluster.federation.vocab.actors import spoken
from fedi_cluster.federation.vocab.documents import (
    Funding,
    Media,
    ObjectDocument,
    Poll,
    ProjectDocument,
    Tombstone,
    Unreadable,
)
from fedi_cluster.federation.vocab.kinds import ACTIVITIES, ACTORS, COLLECTIONS, PAGES, kind_of
from fedi_cluster.federation.vocab.media import attachments, media, media_type, place, streams, tags
from fedi_cluster.federation.vocab.uris import identifier, opaque_identifier
from fedi_cluster.federation.vocab.values import (
    MAX_NAME,
    as_list,
    as_object,
    flag,
    local_moment,
    moment,
    page_address,
    plain,
    reference,
    references,
    terms,
    text,
    texts,
    title,
    types,
    whole,
)
from fedi_cluster.kernel.json import MAX_STRING, Json

MAX_CHOICES = 500
MAX_PARTNERS = 100
MAX_EXTENSIONS = 50

_CONTENT_KINDS = frozenset({"text/html", "text/markdown", "text/plain"})
_STREAMED = frozenset({"Video", "Audio", "Image"})
_TIMEZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")


def obj(document: Json) -> ObjectDocument | Tombstone | Unreadable:
    """A post from its document, or the tombstone in its place (ActivityStreams Vocabulary 3.3).

    Needs `id` and one `type` that is neither an actor, an activity nor a collection.
    """
    return obj_of(terms(document))


def obj_of(members: Json) -> ObjectDocument | Tombstone | Unreadable:
    """The same from its members under short names (`terms`)."""
    own_id = identifier(members.get("id"))
    kind = kind_of(members)
    if own_id is None:
        return Unreadable("The object has no usable id.")
    if kind is None:
        return Unreadable("The object has no type, or several that disagree.", own_id)
    if kind in ACTORS or kind in ACTIVITIES or kind in COLLECTIONS or kind in PAGES:
        return Unreadable(f"A {kind} is not an object of this kind.", own_id)
    if kind == "Tombstone":
        return _tombstone(members, own_id)
    return _post(members, own_id, kind)


def _tombstone(members: Json, own_id: str) -> Tombstone:
    former = types({"type": members.get("formerType")})
    return Tombstone(
        own_id,
        former[0] if former else None,
        moment(members.get("published")),
        moment(members.get("deleted")),
    )


def _post(members: Json, own_id: str, kind: str) -> ObjectDocument:
    content, content_map, language = _content(members)
    files, links = attachments(members.get("attachment"))
    if kind in _STREAMED:
        files = files or streams(members.get("url"))
    mentions, hashtags, emojis = tags(members.get("tag"))
    author, authors = _authors(members)
    own_kind = plain(members.get("creative:kind"), 100)
    said = media_type(members.get("mediaType"))
    summaries = texts(members, "summary")
    return ObjectDocument(
        id=own_id,
        type=kind,
        attributed_to=author,
        authors=authors,
        actor=reference(members.get("actor")),
        to=references(members.get("to")),
        cc=references(members.get("cc")),
        audience=references(members.get("audience")),
        in_reply_to=reference(members.get("inReplyTo")),
        context=_context(members),
        quote=_quote(members),
        published=moment(members.get("published")),
        updated=moment(members.get("updated")),
        url=page_address(members.get("url")),
        name=title(members),
        name_map=texts(members, "name", MAX_NAME),
        summary=text(members.get("summary")) or next(iter(summaries.values()), None),
        summary_map=summaries,
        content_html=content,
        content_map=content_map,
        media_type=said if said in _CONTENT_KINDS else "text/html",
        language=language,
        sensitive=flag(members.get("sensitive")),
        image=_cover(members, kind),
        attachments=files,
        links=links,
        mentions=mentions,
        hashtags=hashtags,
        emojis=emojis,
        replies=reference(members.get("replies")),
        likes_total=_total(members.get("likes")),
        shares_total=_total(members.get("shares")),
        start=local_moment(members.get("startTime")),
        end=local_moment(members.get("endTime")),
        timezone=_timezone(members.get("timezone")),
        location=place(members.get("location")),
        license=_license(members),
        kind=own_kind,
        project=_project(members) if own_kind == "Project" else None,
        poll=_poll(members) if kind == "Question" else None,
        extension=_extension(members),
    )


def _content(members: Json) -> tuple[str | None, dict[str, str], str | None]:
    """Text, texts by language with the original first, and the original's language (federation.md 2.9).

    The language whose text equals `content` wins, because a proxy may have sorted the map; then what is
    said outright (Lemmy's `language`, Mobilizon's `inLanguage`); then the first key (Mastodon, PieFed).
    """
    found = texts(members, "content")
    content = text(members.get("content"))
    outright = spoken(members.get("language"), members.get("inLanguage"))
    equal = [tag for tag, said in found.items() if said == content]
    if equal:
        language: str | None = outright if outright in equal else equal[0]
    elif content is None and found:
        language = outright if outright in found else next(iter(found))
    else:
        maps = (found, texts(members, "name", MAX_NAME), texts(members, "summary"))
        language = outright or next((next(iter(one)) for one in maps if one), None)
    if language in found:
        found = {language: found[language], **found}
        content = found[language] if content is None else content
    return content, found, language if language != "und" else None


def _authors(members: Json) -> tuple[str | None, tuple[str, ...]]:
    value = members.get("attributedTo", members.get("actor"))
    authors = references(value, 20)
    if len(authors) == 1:
        return authors[0], authors
    people = [
        reference(item)
        for item in as_list(value)[:20]
        if isinstance(item, dict) and "Person" in types(terms(cast(Json, item)))
    ]
    return people[0] if len(people) == 1 else None, authors


def _context(members: Json) -> str | None:
    for term in ("context", "conversation"):
        value = members.get(term)
        found = opaque_identifier(value) or reference(value)
        if found is not None:
            return found
    return None


def _quote(members: Json) -> str | None:
    for term in (
        "quote",
        "quoteUrl",
        "quoteUri",
        "_misskey_quote",
        "fedibird:quoteUri",
        "misskey:_misskey_quote",
    ):
        found = reference(members.get(term))
        if found is not None:
            return found
    return None


def _cover(members: Json, kind: str) -> Media | None:
    """The picture that stands for it: `image`; PeerTube has its preview in `icon`."""
    return media(members.get("image")) or (media(members.get("icon")) if kind in _STREAMED else None)


def _total(value: object) -> int | None:
    return whole((as_object(value) or {}).get("totalItems"))


def _timezone(value: object) -> str | None:
    return value if isinstance(value, str) and _TIMEZONE.fullmatch(value) else None


def _license(members: Json) -> str | None:
    """An address, or PeerTube's `licence` by its name."""
    value = members.get("license", members.get("licence"))
    return reference(value) or title(as_object(value) or {"name": value}, 500)


def _project(members: Json) -> ProjectDocument:
    funding: list[Funding] = []
    for item in as_list(members.get("creative:funding"))[:20]:
        if isinstance(item, dict):
            given = terms(cast(Json, item))
            funding.append(
                Funding(
                    plain(given.get("creative:programme"), 500),
                    plain(given.get("creative:grantNumber"), 200),
                    plain(given.get("creative:statement"), 1_000),
                )
            )
    return ProjectDocument(
        title_map=texts(members, "creative:title", MAX_NAME),
        state=plain(members.get("creative:state"), 50),
        partners=references(members.get("creative:partners"), MAX_PARTNERS),
        confirmed_partners=references(members.get("creative:confirmedPartners"), MAX_PARTNERS),
        goal=reference(members.get("creative:goal")),
        funding=tuple(funding),
        body_map=texts(members, "creative:body"),
        start=local_moment(members.get("startTime")),
        end=local_moment(members.get("endTime")),
        place=place(members.get("location")),
        license=_license(members),
    )


def _poll(members: Json) -> Poll:
    multiple = "anyOf" in members
    choices: dict[str, int | None] = {}
    for item in as_list(members.get("anyOf" if multiple else "oneOf"))[:MAX_CHOICES]:
        given = terms(cast(Json, item)) if isinstance(item, dict) else {}
        name = title(given, 500)
        if name is not None:
            choices.setdefault(name, _total(given.get("replies")))
    closed = members.get("closed")
    return Poll(
        tuple(choices.items()),
        multiple,
        whole(members.get("votersCount")),
        moment(closed if isinstance(closed, str) else None),
    )


def _extension(members: Json) -> Json:
    """Our own terms as sent; one that no database could keep (NUL, half a character) is left out."""
    found: Json = {}
    for key, value in members.items():
        if key.startswith("creative:") and len(key) <= 100 and len(found) < MAX_EXTENSIONS:
            try:
                raw = orjson.dumps(value)
            except (TypeError, ValueError, RecursionError):
                continue
            if len(raw) <= MAX_STRING and rb"\u0000" not in raw:
                found[key] = value
    return found
