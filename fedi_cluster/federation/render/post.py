"""A local post as Note, project or Article (golden `object-*`), and what stays of it when it is deleted.

Audience and texts are the post's own: nothing is decided here, and no HTML is cleaned.
"""

import html
from collections.abc import Mapping
from datetime import datetime

from fedi_cluster.community.actors.shapes import Picture
from fedi_cluster.community.posts.shapes import Attachment, Funding, Post, Tag
from fedi_cluster.federation.render import contexts
from fedi_cluster.federation.render.values import by_language, image, language_of, place, stated
from fedi_cluster.kernel.addresses import PUBLIC, Addresses
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json

_READ_ON: Mapping[str, str] = {
    "en": "Read on",
    "pl": "Czytaj dalej",
    "de": "Weiterlesen",
    "lt": "Skaityti toliau",
    "sv": "Läs vidare",
}


def post(at: Addresses, what: Post) -> Json:
    """The document of a local post, unsigned and with its present totals.

    Totals do not make a new version: the document is signed anew whenever it is served. Sources: golden
    `object-note`, `-project`, `-article`; FEP-b2b8 for the preview of an Article.
    """
    own, is_article = at.object(what.id), what.type == "Article"
    document: Json = {
        "@context": [*(contexts.PROJECT if what.kind == "project" else contexts.OBJECT)],
        "id": what.uri,
        "type": what.type,
        "attributedTo": what.author.uri,
        # Mobilizon reads the author of an Article here.
        "actor": what.author.uri if is_article else None,
        "to": [*what.to],
        "cc": [*what.cc],
        "audience": what.audience,
        "published": to_wire(what.published_at),
        "updated": to_wire(what.updated_at) if what.updated_at else None,
        "url": what.url,
        "inReplyTo": what.in_reply_to,
        "context": what.context,
        "content": what.content,
        "contentMap": by_language(what.content_map, what.language, what.content),
        "mediaType": "text/html",
        **(_headline(what) if is_article else _warning(what)),
        "language": language_of(what.language) if what.language else None,
        "inLanguage": what.language,
        "sensitive": what.sensitive,
        **_kind(what),
        "attachment": [_attachment(one) for one in what.attachments],
        "tag": [_tag(one) for one in what.tags],
        **(_looks(what) if is_article else {}),
        "replies": f"{own}/replies",
        "likes": {"id": f"{own}/likes", "type": "Collection", "totalItems": what.likes_count},
        "shares": {"id": f"{own}/shares", "type": "Collection", "totalItems": what.announces_count},
        **_policies(what),
    }
    return stated(document)


def tombstone(uri: str, former_type: str | None, published: datetime | None, deleted: datetime) -> Json:
    """What answers with 410 at the id of a deleted object, unsigned; times are aware.

    It names no author, so who signs it answers for the keys (ActivityStreams Vocabulary 3.3).
    """
    return stated(
        {
            "@context": [*contexts.ACTIVITY],
            "id": uri,
            "type": "Tombstone",
            "formerType": former_type,
            "published": to_wire(published) if published else None,
            "deleted": to_wire(deleted),
        }
    )


def _headline(what: Post) -> Json:
    """Title and lede of an Article. `summary` is HTML in ActivityStreams, ours is plain text."""
    lede = html.escape(what.summary, quote=False) if what.summary else None
    ledes = {tag: html.escape(text, quote=False) for tag, text in what.summary_map.items()}
    return {
        "name": what.title,
        "nameMap": by_language(what.title_map, what.language, what.title),
        "summary": lede,
        "summaryMap": by_language(ledes, what.language, lede),
    }


def _warning(what: Post) -> Json:
    """The content warning of a Note, plain text as everybody sends it.

    The summary of a project is none, and others would hide the project behind it: its text stands in the
    content. A title is never sent as `name`, which some take for a warning too (golden README).
    """
    if what.kind == "project" and not what.sensitive:
        return {}
    return {
        "summary": what.summary or None,
        "summaryMap": by_language(what.summary_map, what.language, what.summary),
    }


def _kind(what: Post) -> Json:
    """What sisters read beyond the text; an empty list says no more than a missing one."""
    if what.kind != "project":
        return {"creative:kind": "News" if what.kind == "news" else None}
    title = by_language(what.title_map, what.language, what.title)
    facts = what.project
    if facts is None:
        return {"creative:title": title, "creative:kind": "Project"}
    return {
        "creative:title": title,
        "startTime": facts.start,
        "endTime": facts.end,
        "location": place(facts.place),
        "license": facts.license,
        "creative:kind": "Project",
        "creative:state": facts.state,
        "creative:partners": [*facts.partners] or None,
        "creative:confirmedPartners": [*facts.confirmed_partners] or None,
        "creative:goal": facts.goal,
        "creative:funding": [_funding(one) for one in facts.funding] or None,
        "creative:body": by_language(facts.body_map or {}, what.language, None),
    }


def _funding(paid: Funding) -> Json:
    return stated(
        {
            "type": "creative:Funding",
            "creative:programme": paid.programme,
            "creative:grantNumber": paid.grant_number,
            "creative:statement": paid.statement,
        }
    )


def _attachment(one: Attachment) -> Json:
    return stated(
        {
            "type": "Document",
            "mediaType": one.media_type,
            "url": one.url,
            "name": one.alt or None,
            "width": one.width,
            "height": one.height,
            "blurhash": one.blurhash,
            "focalPoint": [*one.focal_point] if one.focal_point else None,
        }
    )


def _tag(one: Tag) -> Json:
    if one.type == "Mention":
        return {"type": "Mention", "href": one.href, "name": one.name}
    return {"type": one.type, "name": one.name, "href": one.href}


def _looks(what: Post) -> Json:
    """How an Article looks in a list: its first picture, and a short Note for who shows no Articles."""
    first = next((one for one in what.attachments if one.media_type.startswith("image/")), None)
    titles = by_language(what.title_map, what.language, what.title) or {}
    content = {tag: _preview(what, tag) for tag in titles}
    preview: Json = {
        "type": "Note",
        "attributedTo": what.author.uri,
        "published": to_wire(what.published_at),
        "content": _preview(what, what.language),
        "contentMap": content or None,
    }
    return {
        "image": image(Picture(first.url, first.media_type, first.alt)) if first else None,
        "preview": stated(preview),
    }


def _preview(what: Post, language: str | None) -> str:
    """The preview in one language; title and summary of the original where they are not translated."""
    code = language or ""
    title = what.title_map.get(code) or what.title or ""
    summary = what.summary_map.get(code) or what.summary
    read_on = _READ_ON.get(code.split("-", maxsplit=1)[0], _READ_ON["en"])
    return "".join(
        (
            f"<p><strong>{html.escape(title, quote=False)}</strong></p>",
            f"<p>{html.escape(summary, quote=False)}</p>" if summary else "",
            f'<p><a href="{html.escape(what.url)}">{read_on}</a></p>',
        )
    )


def _policies(what: Post) -> Json:
    """Who may quote and who may find it: everybody where the post is for everybody, else its author.

    An unlisted post may be quoted, as it may be announced, but is not for searches (FEP-268d).
    """
    quotable = what.visibility in ("public", "unlisted")
    findable = what.visibility == "public" and what.author.indexable
    return {
        "interactionPolicy": {
            "canQuote": {"automaticApproval": [PUBLIC if quotable else what.author.uri]},
        },
        "searchableBy": [PUBLIC if findable else what.author.uri],
    }
