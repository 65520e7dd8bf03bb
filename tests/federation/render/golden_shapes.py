"""Golden documents read back as our shapes: what the database would hold if this server had written them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fedi_cluster.community.actors.shapes import Actor, Field, Key, Picture, Place
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.community.posts.shapes import Attachment, Funding, Post, Project, Tag
from fedi_cluster.federation.signatures.keys import PrivateKeys, ed25519_pem_of
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.json import Json

SZCZECIN = Addresses("https://szczecin.example", "szczecin.example")
KINDS = {"Project": "project", "News": "news"}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Golden:
    """The golden folder: documents by name, and signing with its test keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pairs = {
            key["actor"]: PrivateKeys(
                key["actor"], key["rsaPrivateKeyPem"], ed25519_pem_of(bytes.fromhex(key["ed25519SeedHex"]))
            )
            for key in self.read("test-keys")["keys"]
        }

    def read(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text("utf-8"))

    def sign(self, document: Json, like: Any) -> Json:
        """The document signed by whom and when the golden one was."""
        proof = like["proof"]
        keys = self._pairs[proof["verificationMethod"].split("#")[0]]
        return with_proof(document, keys, moment(proof["created"]))


def _picture(found: Any) -> Picture | None:
    return Picture(found["url"], found["mediaType"], found["name"]) if found else None


def _place(found: Any) -> Place | None:
    return Place(found["name"], found["latitude"], found["longitude"]) if found else None


def actor_of(found: Any) -> Actor:
    """The actor of a golden document; the instance actor is called `actor` here, as the database has it."""
    rsa, ed25519 = found["publicKey"], found["assertionMethod"][0]
    published = moment(found["published"])
    return Actor(
        id=1,
        uri=found["id"],
        host="szczecin.example",
        local=True,
        username="actor" if found["type"] == "Application" else found["preferredUsername"],
        handle_host="szczecin.example",
        type=found["type"],
        kind=found.get("creative:kind"),
        name=found["name"],
        name_map=found["nameMap"],
        summary=found["summary"],
        summary_map=found["summaryMap"],
        language=next(iter(found["nameMap"])),
        url=found["url"],
        inbox=found["inbox"],
        shared_inbox=found["endpoints"]["sharedInbox"],
        outbox=found["outbox"],
        followers=found["followers"],
        following=found["following"],
        featured=found.get("featured"),
        fields=tuple(Field(row["name"], row["value"]) for row in found["attachment"]),
        icon=_picture(found.get("icon")),
        image=_picture(found.get("image")),
        tags=tuple(tag["name"] for tag in found["tag"]),
        location=_place(found.get("location")),
        keys=(
            Key(rsa["id"], rsa["owner"], "rsa", rsa["publicKeyPem"]),
            Key(ed25519["id"], ed25519["controller"], "ed25519", ed25519["publicKeyMultibase"]),
        ),
        implements=(),
        also_known_as=tuple(found["alsoKnownAs"]),
        moved_to=found.get("movedTo"),
        cluster=found.get("creative:cluster"),
        manually_approves=found["manuallyApprovesFollowers"],
        discoverable=found["discoverable"],
        indexable=found["indexable"],
        demo=False,
        published_at=published,
        updated_at=moment(found["updated"]) if "updated" in found else published,
        fetched_at=None,
        deleted_at=None,
    )


def _project(found: Any) -> Project:
    return Project(
        state=found["creative:state"],
        partners=tuple(found["creative:partners"]),
        confirmed_partners=tuple(found["creative:confirmedPartners"]),
        goal=found["creative:goal"],
        funding=tuple(
            Funding(row["creative:programme"], row["creative:grantNumber"], row["creative:statement"])
            for row in found["creative:funding"]
        ),
        body_map=found["creative:body"],
        start=found["startTime"],
        end=found["endTime"],
        place=_place(found["location"]),
        license=found["license"],
    )


def _attachment(found: Any) -> Attachment:
    x, y = found["focalPoint"]
    return Attachment(
        found["url"],
        found["mediaType"],
        found["name"],
        found["width"],
        found["height"],
        found["blurhash"],
        (x, y),
    )


def post_of(found: Any, author: Actor) -> Post:
    """The post of a golden object by this author."""
    titles = found.get("creative:title", found.get("nameMap", {}))
    identifier = int(found["id"].rsplit("/", 1)[1])
    kind = KINDS.get(found.get("creative:kind", ""), "note")
    return Post(
        id=identifier,
        uri=found["id"],
        local=True,
        author=author,
        type=found["type"],
        kind=kind,
        visibility="public",
        language=found["inLanguage"],
        title=next(iter(titles.values()), None),
        title_map=titles,
        summary=found.get("summary"),
        summary_map=found.get("summaryMap", {}),
        content=found["content"],
        content_map=found["contentMap"],
        sensitive=found["sensitive"],
        url=found["url"],
        audience=found["audience"],
        to=tuple(found["to"]),
        cc=tuple(found["cc"]),
        in_reply_to=found.get("inReplyTo"),
        parent_id=None,
        thread_id=identifier,
        context=found["context"],
        attachments=tuple(_attachment(one) for one in found["attachment"]),
        tags=tuple(Tag(tag["type"], tag["name"], tag["href"]) for tag in found["tag"]),
        project=_project(found) if kind == "project" else None,
        replies_count=0,
        likes_count=found["likes"]["totalItems"],
        announces_count=found["shares"]["totalItems"],
        published_at=moment(found["published"]),
        updated_at=moment(found["updated"]) if "updated" in found else None,
        deleted_at=None,
    )


def entry_of(found: Any) -> Entry:
    """An entry of the golden member list."""
    return Entry(
        actor=found["subject"],
        region=found["creative:region"],
        name=found["name"],
        key=found["creative:key"],
        state=found["creative:state"],
        confirmed_by=found["creative:confirmedBy"],
        published_at=moment(found["published"]),
        updated_at=moment(found["updated"]),
    )
