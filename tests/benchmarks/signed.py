"""Ready requests of other servers: activities that differ, signed before any time is measured.

Creates of strangers as microblogs send them, and Announces of a sister's region made from one that a real
sister sent: the same document with other ids and with proofs of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.federation.signatures.sign import sign_cavage
from fedi_cluster.kernel.clock import to_wire, whole_second
from fedi_cluster.kernel.ids import first_id_at
from fedi_cluster.kernel.json import Json, dumps, parse_object
from tests.benchmarks.peers import Place as Address

_PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
_CONTEXT: list[object] = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/v1",
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
    },
]
_SENTENCE = (
    "<p>The workshop on the river opens its doors again this Saturday: {number} places, tools are there, "
    "children are welcome, and whoever has an old boat may bring it. We begin at ten, and there is soup at "
    'one. <a href="{base}/tags/boats" class="mention hashtag" rel="tag">#<span>boats</span></a></p>'
)
_MOMENT = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_A_SECOND = 4
_LONG_ID = re.compile(r"(?<![0-9])[0-9]{16,19}(?![0-9])")


def post_request(url: str, body: bytes, keys: PrivateKeys, now: datetime) -> bytes:
    """A whole POST, signed by draft-cavage with RSA as most servers do."""
    headers = sign_cavage("POST", url, body, keys, now)
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    path = urlsplit(url).path
    head = f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


@dataclass(frozen=True, slots=True)
class Stranger:
    """An account on a server of its own at `address`; its server is the peers' process."""

    address: Address
    keys: PrivateKeys

    @property
    def base(self) -> str:
        """The address of its server."""
        return f"http://{self.address[0]}:{self.address[1]}"

    def document(self) -> Json:
        """Its actor, as its server gives it."""
        uri = self.keys.actor_uri
        rsa, _ed25519 = self.keys.public_keys()
        return {
            "@context": _CONTEXT[:2],
            "id": uri,
            "type": "Person",
            "preferredUsername": uri.rpartition("/")[2],
            "name": "A neighbour",
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "followers": f"{uri}/followers",
            "endpoints": {"sharedInbox": f"{self.base}/inbox"},
            "publicKey": {"id": rsa.id, "owner": uri, "publicKeyPem": rsa.material},
        }

    def create(self, number: int, now: datetime) -> Json:
        """A public Note in the dialect of a microblog, about 2 KB; `number` makes its ids."""
        uri = self.keys.actor_uri
        note = f"{uri}/statuses/{number}"
        moment = to_wire(whole_second(now))
        to, cc = [_PUBLIC], [f"{uri}/followers"]
        return {
            "@context": _CONTEXT,
            "id": f"{note}/activity",
            "type": "Create",
            "actor": uri,
            "published": moment,
            "to": to,
            "cc": cc,
            "object": {
                "id": note,
                "type": "Note",
                "summary": None,
                "inReplyTo": None,
                "published": moment,
                "url": f"{self.base}/@neighbour/{number}",
                "attributedTo": uri,
                "to": to,
                "cc": cc,
                "sensitive": False,
                "atomUri": note,
                "inReplyToAtomUri": None,
                "conversation": f"tag:{self.address[0]},2026:objectId={number}:objectType=Conversation",
                "content": _SENTENCE.format(number=number, base=self.base),
                "contentMap": {"en": _SENTENCE.format(number=number, base=self.base)},
                "attachment": [],
                "tag": [{"type": "Hashtag", "href": f"{self.base}/tags/boats", "name": "#boats"}],
                "replies": {
                    "id": f"{note}/replies",
                    "type": "Collection",
                    "first": {
                        "type": "CollectionPage",
                        "next": f"{note}/replies?only_other_accounts=true&page=true",
                        "partOf": f"{note}/replies",
                        "items": [],
                    },
                },
            },
        }


def strangers(addresses: Sequence[Address]) -> list[Stranger]:
    """One account on each address. They share one pair of keys: making one takes 50 ms, telling keys apart
    by their ids is what counts."""
    pair = generate_pair()
    return [
        Stranger((host, port), PrivateKeys(f"http://{host}:{port}/users/neighbour", *pair))
        for host, port in addresses
    ]


def creates(inbox: str, senders: Sequence[Stranger], first: int, count: int) -> list[bytes]:
    """So many signed Creates with different ids, the senders in turn, beginning with the number `first`."""
    now = datetime.now(UTC)
    found = []
    for number in range(first, first + count):
        sender = senders[number % len(senders)]
        found.append(post_request(inbox, dumps(sender.create(number, now)), sender.keys, now))
    return found


def announces(
    inbox: str, sample: bytes, keys: Mapping[str, PrivateKeys], first: int, count: int
) -> list[bytes]:
    """So many signed Announces, each of another post, made from a `sample` that a real sister sent.

    `keys` are those of the sister's actors by their ids: every proof that the sample has is made anew. The posts
    were published over the last minutes, four in each second.
    """
    now = datetime.now(UTC)
    text = sample.decode("utf-8")
    known = sorted(set(_LONG_ID.findall(text)))
    # Later ids than those of the sample, a block of numbers for each copy; the order stays.
    base = first_id_at(now + timedelta(seconds=1))
    region = str(parse_object(sample)["actor"])
    found = []
    for number in range(first, first + count):
        fresh = {old: str(base + number * 64 + place) for place, old in enumerate(known)}
        copied = _MOMENT.sub(to_wire(whole_second(now - timedelta(seconds=number // _A_SECOND))), text)
        copied = _LONG_ID.sub(lambda match, fresh=fresh: fresh[match[0]], copied)  # type: ignore[misc]
        document = _proven(parse_object(copied.encode("utf-8")), keys, now)
        found.append(post_request(inbox, dumps(document), keys[region], now))
    return found


def _proven(document: Json, keys: Mapping[str, PrivateKeys], now: datetime) -> Json:
    """The document with fresh proofs wherever it had one, from the inside out: an outer one covers the inner."""
    fresh = {
        name: _proven(member, keys, now) if isinstance(member, dict) and name != "proof" else member
        for name, member in document.items()
    }
    proof = document.get("proof")
    if not isinstance(proof, dict):
        return fresh
    owner = str(proof["verificationMethod"]).partition("#")[0]
    return with_proof(fresh, keys[owner], now)
