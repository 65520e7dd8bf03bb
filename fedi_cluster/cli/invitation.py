"""Invitations to a cluster, as a link or a file: read, checked, and turned into who invites.

What a link gives is read by a signed request, and nothing in it is believed that speaks of another server
than the link's own.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import Gone, Invalid, NotFound, Unreachable
from fedi_cluster.kernel.json import Json, parse_object

if TYPE_CHECKING:
    from fedi_cluster.wiring import House

FORMAT = 1
_PATH = "/cluster/invitations/"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was checked: the link with its token, the cluster's name, and who invites."""

    link: str
    cluster: str
    inviter: Entry

    @property
    def host(self) -> str:
        """The authority of the inviting instance."""
        return host_of(self.link)


async def read_invitation(house: "House", given: str) -> Invitation:
    """The invitation behind a link or in a file.

    Raises `Invalid` for what is none, `NotFound`, `Gone` and `Unreachable` for a link that does not answer.
    """
    if given.startswith(("https://", "http://")):
        document = await _fetch(house, given)
        if document.get("link") != given:
            raise Invalid("The invitation speaks of another link; ask for a new one.")
    else:
        document = _open(given)
    return checked(document, house.clock.now())


def checked(document: Json, now: datetime) -> Invitation:
    """A document as an invitation; raises `Invalid` where it is none, or names servers besides its own."""
    if document.get("format") != FORMAT:
        raise Invalid("The invitation has a format that this version does not know; update this server.")
    texts = {
        name: document.get(name) for name in ("link", "cluster", "actor", "region", "name", "key", "expires")
    }
    if not all(isinstance(value, str) and 0 < len(value) <= 2_000 for value in texts.values()):
        raise Invalid("The invitation is not complete; ask for a new one.")
    said = cast(dict[str, str], texts)
    base, found, token = said["link"].partition(_PATH)
    ours = (f"{base}/actor", f"{base}/actors/region")
    if not found or not token or (said["actor"], said["region"]) != ours:
        raise Invalid("The invitation names actors of another server than its link; ask for a new one.")
    try:
        expires = datetime.fromisoformat(said["expires"])
        is_over = expires < now
    except (ValueError, TypeError) as error:
        raise Invalid("The invitation does not say when it ends; ask for a new one.") from error
    if is_over:
        raise Invalid(f"The invitation ended at {said['expires']}; ask for a new one.")
    inviter = Entry(
        actor=said["actor"],
        region=said["region"],
        name=said["name"],
        key=said["key"],
        state="inviting",
        confirmed_by=None,
        published_at=now,
        updated_at=now,
    )
    return Invitation(said["link"], said["cluster"], inviter)


def _open(file: str) -> Json:
    try:
        return parse_object(Path(file).read_bytes())
    except OSError as error:
        raise Invalid(f"{file} is neither a link nor a file that can be read ({error.strerror}).") from error


async def _fetch(house: "House", link: str) -> Json:
    """The answer to a signed GET: the inviter learns who looks, and shows it to nobody else after."""
    from fedi_cluster.federation.remote.signing import form_for, signer

    federation = house.federation
    form = await house.db.read(form_for, house.at, host_of(link))
    keys = federation.signers.of_instance()
    answer = await federation.outbound.get(
        link, accept="application/json", signer=signer(keys, form, house.clock.now())
    )
    match answer.status:
        case 200:
            return parse_object(answer.body)
        case 404 | 409 | 410:
            kind = Gone if answer.status == 410 else NotFound
            raise kind("The invitation is not known there, was used, or has ended; ask for a new one.")
        case 401 | 403:
            raise Unreachable(
                f"{host_of(link)} could not verify who asks: it reads our key at {house.at.instance_actor}, "
                "so this server must run and be reachable from there before it joins.",
                detail=_said(answer.body),
            )
    raise Unreachable(f"{host_of(link)} does not give the invitation.", detail=str(answer.status))


def _said(body: bytes) -> str:
    """What a problem document says, in short."""
    try:
        return str(cast(Json, json.loads(body)).get("detail") or "")[:200]
    except (ValueError, AttributeError):
        return ""
