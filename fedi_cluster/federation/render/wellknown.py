"""Documents at well-known addresses: WebFinger, host-meta, NodeInfo; nothing is looked up here."""

import html
from dataclasses import dataclass

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.federation.render.actor import preferred_name
from fedi_cluster.federation.render.values import stated
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.json import Json

_ACTIVITY_JSON = "application/activity+json"  # Mastodon compares it sign by sign
_NODEINFO = "http://nodeinfo.diaspora.software/ns/schema"
_INTENTS = (
    ("Follow", "follow?object={object}"),
    ("Like", "like?object={object}"),
    ("Announce", "announce?object={object}"),
    (
        "Create",
        "create?type={type}&name={name}&summary={summary}&content={content}&inReplyTo={inReplyTo}",
    ),
    ("Object", "object?object={object}"),
)


def webfinger(at: Addresses, who: Actor) -> Json:
    """The answer for a local actor, by whichever of its names it was asked (RFC 7033).

    The subject is the handle in its canonical spelling: Mastodon follows it once and must come back to the
    same `self`. Templates: OStatus subscribe and FEP-3b86; the instance actor, whom nobody is, has none.
    """
    links: list[Json] = [
        {"rel": "self", "type": _ACTIVITY_JSON, "href": who.uri},
        {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": who.url},
    ]
    if who.type != "Application":
        links.append(
            {
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": f"{at.base}/interact?uri={{uri}}",
            }
        )
        links += [
            {"rel": f"https://w3id.org/fep/3b86/{name}", "template": f"{at.base}/intents/{rest}"}
            for name, rest in _INTENTS
        ]
    return {
        "subject": f"acct:{preferred_name(at, who)}@{at.handle_domain}",
        "aliases": [who.url, who.uri],
        "links": links,
    }


def webfinger_server(at: Addresses) -> Json:
    """The answer for the server's own address: its instance actor (FEP-d556)."""
    return {
        "subject": f"{at.base}/",
        "links": [
            {
                "rel": "https://www.w3.org/ns/activitystreams#Service",
                "type": _ACTIVITY_JSON,
                "href": at.instance_actor,
            }
        ],
    }


def host_meta(at: Addresses) -> Json:
    """Where WebFinger answers, as JSON (RFC 6415, appendix A)."""
    return {"links": [{"rel": "lrdd", "type": "application/jrd+json", "template": _lrdd(at)}]}


def host_meta_xml(at: Addresses) -> str:
    """Where WebFinger answers, as XRD (RFC 6415); Mastodon asks for it after a 404 of WebFinger."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template="{html.escape(_lrdd(at))}"/>\n'
        "</XRD>\n"
    )


def _lrdd(at: Addresses) -> str:
    return f"{at.base}/.well-known/webfinger?resource={{uri}}"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What NodeInfo tells: `staff` are actor ids, counts are of local people, posts and answers.

    `active_month` and `active_halfyear` count those who were active in the last 30 and 180 days;
    `repository` and `homepage` are addresses of the software.
    """

    version: str
    repository: str
    homepage: str
    name: str
    description: str
    staff: tuple[str, ...]
    users: int
    active_month: int
    active_halfyear: int
    posts: int
    comments: int


def nodeinfo_discovery(at: Addresses) -> Json:
    """Which versions are served, and the instance actor (FEP-2677)."""
    return {
        "links": [
            {"rel": f"{_NODEINFO}/2.1", "href": f"{at.base}/nodeinfo/2.1"},
            {"rel": f"{_NODEINFO}/2.0", "href": f"{at.base}/nodeinfo/2.0"},
            {
                "rel": "https://www.w3.org/ns/activitystreams#Application",
                "href": at.instance_actor,
            },
        ]
    }


def nodeinfo_2_0(facts: NodeFacts) -> Json:
    """NodeInfo 2.0, whose schema knows no repository."""
    return _nodeinfo("2.0", {"name": "fedi-cluster", "version": facts.version}, facts)


def nodeinfo_2_1(facts: NodeFacts) -> Json:
    """NodeInfo 2.1."""
    software: Json = {
        "name": "fedi-cluster",
        "version": facts.version,
        "repository": facts.repository or None,
        "homepage": facts.homepage or None,
    }
    return _nodeinfo("2.1", stated(software), facts)


def _nodeinfo(version: str, software: Json, facts: NodeFacts) -> Json:
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {
            "users": {
                "total": facts.users,
                "activeMonth": facts.active_month,
                "activeHalfyear": facts.active_halfyear,
            },
            "localPosts": facts.posts,
            "localComments": facts.comments,
        },
        "metadata": {
            "nodeName": facts.name,
            "nodeDescription": facts.description,
            "staffAccounts": [*facts.staff],
            "federation": {"enabled": True},
        },
    }
