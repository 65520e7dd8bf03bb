"""Our own keys, held ready, and the choice of how a request to a host is signed (federation.md 2.3)."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import INSTANCE_ACTOR
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.signatures.sign import sign_cavage, sign_rfc9421
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.outbound.client import Signer
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader


class Form(Enum):
    """How a request is signed; sisters always get Ed25519, strangers what they are known to read."""

    CAVAGE = "cavage"
    RFC9421 = "rfc9421"
    ED25519 = "ed25519"

    @property
    def other(self) -> "Form | None":
        """What to knock with a second time where the first was not understood."""
        return {Form.CAVAGE: Form.RFC9421, Form.RFC9421: Form.CAVAGE}.get(self)


def own_private_keys(reader: Reader, actor: Actor) -> PrivateKeys:
    """The keys with which a local actor signs; raises `NotFound` for others."""
    pair = actor_queries.own_keys(reader, actor.id)
    return PrivateKeys(actor.uri, pair.rsa_pem, pair.ed25519_pem)


def form_for(reader: Reader, at: Addresses, host: str) -> Form:
    """The form for a host: sister, else what it is known to accept, else draft-cavage (all read that)."""
    if instance_queries.is_sister(reader, at.host, host):
        return Form.ED25519
    known = instance_queries.instance(reader, host)
    return Form.RFC9421 if known and known.signature_scheme == "rfc9421" else Form.CAVAGE


def signer(keys: PrivateKeys, form: Form, moment: datetime) -> Signer:
    """Signs the requests of one attempt; a later attempt is signed anew, since some allow five minutes."""

    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        content = body if method == "POST" else None
        if form is Form.CAVAGE:
            return sign_cavage(method, url, content, keys, moment)
        return sign_rfc9421(
            method, url, content, keys, moment, use="ed25519" if form is Form.ED25519 else "rsa"
        )

    return sign


class OwnSigners:
    """The private keys of local actors, read once: a key never changes but by a rotation."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: dict[str, PrivateKeys] = {}

    def of_instance(self) -> PrivateKeys:
        """The keys of the instance actor; raises `NotFound` before the instance is founded."""
        held = self._held.get(INSTANCE_ACTOR)
        if held is None:
            held = self._held[INSTANCE_ACTOR] = self._db.read_now(_instance_keys)
        return held


def _instance_keys(reader: Reader) -> PrivateKeys:
    found = actor_queries.locals_of_type(reader, "Application")
    if not found:
        raise NotFound("This instance is not founded yet; run “fedi-cluster init”.")
    return own_private_keys(reader, found[0])
