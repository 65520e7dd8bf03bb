"""A small foreign server for tests: actors with keys, documents, an inbox; honest unless told otherwise.

It shares only the signing with our own code; what it forges is written here by hand.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fedi_cluster.federation.signatures import cavage, rfc9421
from fedi_cluster.federation.signatures.digest import content_digest_header, digest_header
from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey, multibase_of, public_pem
from fedi_cluster.federation.signatures.request import RequestFacts
from fedi_cluster.federation.signatures.sign import sign_cavage, sign_rfc9421
from fedi_cluster.federation.signatures.verify import VerifiedSender, claimed_key_id, verified_sender
from fedi_cluster.federation.vocab.actors import keys as keys_in
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json, dumps, parse_object
from fedi_cluster.outbound import Bounds
from tests.towns.town import AS2, Town, TownClock, Towns, pair_for
from tests.towns.transport import TownTransport

SignedAs = Literal["cavage", "rfc9421", "ed25519"]
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
_BOUNDS = Bounds(2**20, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Served:
    """What stands at one path of the stranger."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", AS2),)


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery that the stranger took, and who signed it."""

    path: str
    document: Json
    sender: VerifiedSender
    status: int


@dataclass(frozen=True, slots=True)
class Guest:
    """An actor of a stranger."""

    uri: str
    name: str
    keys: PrivateKeys

    @property
    def followers(self) -> str:
        """Its collection of followers."""
        return f"{self.uri}/followers"


@dataclass(frozen=True, slots=True)
class Forgery:
    """How a request is signed otherwise than it should be; each field alone is one lie.

    `signed_at` dates the signature; `keys` signs in place of the sender's, `key_id` names another key;
    `host` is written as Host; `body` travels in place of what was signed; `digest` is `missing` or `wrong`;
    `covered` and `algorithm` are written as they are; `headers` are added unsigned.
    """

    signed_at: datetime | None = None
    keys: PrivateKeys | None = None
    key_id: str | None = None
    host: str | None = None
    body: bytes | None = None
    digest: Literal["missing", "wrong"] | None = None
    covered: tuple[str, ...] | None = None
    algorithm: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Stranger:
    """A server that somebody else wrote; `received` are its deliveries in order."""

    def __init__(self, network: TownTransport, clock: TownClock, host: str) -> None:
        self.host = host
        self.clock = clock
        self.base = f"https://{host}"
        self.network = network
        self.reads: set[str] = {"cavage", "rfc9421"}
        self.served: dict[str, Served] = {}
        self.fingers: dict[str, str] = {}
        self.answers: list[Served] = []
        self.received: list[Received] = []
        self._made = 0
        self._keys: dict[str, PublicKey] = {}
        network.add(host, self)

    def person(
        self,
        name: str,
        /,
        *,
        shared: bool = True,
        type_: str = "Person",
        keys_of: str | None = None,
        **changes: object,
    ) -> Guest:
        """An actor with RSA and Ed25519 keys, served at its id; `changes` replace members (None drops)."""
        uri = f"{self.base}/users/{name}"
        # By name, not by id: strangers of many tests share their keys, since making one takes its time.
        guest = Guest(uri, name, PrivateKeys(uri, *pair_for(f"stranger {keys_of or name}")))
        document: Json = {
            "@context": CONTEXT,
            "id": uri,
            "type": type_,
            "preferredUsername": name,
            "name": name.title(),
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "followers": guest.followers,
            "publicKey": self.rsa_key(guest),
            "assertionMethod": [self.ed25519_key(guest)],
        }
        if shared:
            document["endpoints"] = {"sharedInbox": f"{self.base}/inbox"}
        document = {member: value for member, value in (document | changes).items() if value is not None}
        self.serve(f"/users/{name}", document)
        self.fingers[f"acct:{name}@{self.host}"] = uri
        return guest

    def rsa_key(self, guest: Guest) -> Json:
        """`publicKey` of an actor."""
        pem = public_pem(guest.keys.rsa_pem)
        return {"id": guest.keys.main_key_id, "owner": guest.uri, "publicKeyPem": pem}

    def ed25519_key(self, guest: Guest) -> Json:
        """A Multikey of an actor."""
        return {
            "id": guest.keys.ed25519_key_id,
            "type": "Multikey",
            "controller": guest.uri,
            "publicKeyMultibase": multibase_of(guest.keys.ed25519_pem),
        }

    def serve(self, path: str, document: Json | bytes, status: int = 200, **headers: str) -> str:
        """From now on this stands at a path; gives its address. `headers` with `_` for `-`."""
        named = {"content_type": AS2} | headers
        pairs = tuple((name.replace("_", "-"), value) for name, value in named.items() if value)
        body = document if isinstance(document, bytes) else dumps(document)
        self.served[path] = Served(body, status, pairs)
        return self.base + path

    def new_id(self, kind: str = "activities") -> str:
        """A fresh id of this server."""
        self._made += 1
        return f"{self.base}/{kind}/{self._made}"

    def activity(self, actor: Guest, kind: str, about: object, **more: object) -> Json:
        """An activity with a fresh id."""
        return {
            "@context": CONTEXT,
            "id": self.new_id(),
            "type": kind,
            "actor": actor.uri,
            "object": about,
        } | more

    def note(self, author: Guest, text: str, **more: object) -> Json:
        """A public Note of an author, served at its id."""
        uri = self.new_id("notes")
        found: Json = {
            "@context": CONTEXT,
            "id": uri,
            "type": "Note",
            "attributedTo": author.uri,
            "content": f"<p>{text}</p>",
            "published": to_wire(self.clock.now()),
            "to": [PUBLIC],
            "cc": [author.followers],
        } | more
        self.serve(uri.removeprefix(self.base), found)
        return found

    def create(self, author: Guest, note: Json, **more: object) -> Json:
        """The Create of a Note, addressed like it."""
        return self.activity(author, "Create", note, to=note["to"], cc=note["cc"]) | more

    async def post(
        self,
        town: Town,
        sender: Guest,
        activity: Json | bytes,
        *,
        form: SignedAs = "cavage",
        inbox: str = "/inbox",
        content_type: str = AS2,
        forged: Forgery | None = None,
    ) -> httpx.Response:
        """Delivers to a town, signed by `sender`, or as `forged` says."""
        body = activity if isinstance(activity, bytes) else dumps(activity)
        url = f"https://{town.host}{inbox}"
        if forged is None:
            headers = signed(url, body, sender.keys, self.clock.now(), form=form, content_type=content_type)
        else:
            headers = _forged(url, body, sender, self.clock.now(), form=form, lie=forged)
            body = body if forged.body is None else forged.body
        return await town.client.post(inbox, content=body, headers=headers)

    async def say(self, town: Town, sender: Guest, activity: Json, *, form: SignedAs = "cavage") -> None:
        """Delivers what must be taken, and lets the town work it."""
        answer = await self.post(town, sender, activity, form=form)
        assert answer.status_code == 202, answer.text
        await town.work()

    def heard(self, kind: str) -> list[Json]:
        """The deliveries of one type that this server took, in order."""
        return [one.document for one in self.received if one.document["type"] == kind and one.status < 300]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        request = Request(scope, receive)
        found = await self._inbox(request) if request.method == "POST" else self._read(request)
        response = Response(found.body, found.status)
        for name, value in found.headers:
            response.headers[name] = value
        await response(scope, receive, send)

    def _read(self, request: Request) -> Served:
        if request.url.path == "/.well-known/webfinger":
            uri = self.fingers.get(request.query_params["resource"])
            if uri is None:
                return Served(b"", 404, ())
            links = [{"rel": "self", "type": AS2, "href": uri}]
            found: Json = {"subject": request.query_params["resource"], "links": links}
            return Served(dumps(found), headers=(("Content-Type", "application/jrd+json"),))
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self.served.get(path, Served(b"", 404, ()))

    async def _inbox(self, request: Request) -> Served:
        body = await request.body()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        facts = RequestFacts.under(self.base, "POST", request.url.path, headers, body)
        sender = await self._sender(facts)
        if sender.scheme not in self.reads:
            answer = Served(b"", 401, ())
        else:
            answer = self.answers.pop(0) if self.answers else Served(b"", 202, ())
        self.received.append(Received(request.url.path, parse_object(body), sender, answer.status))
        return answer

    async def _sender(self, facts: RequestFacts) -> VerifiedSender:
        key_id = claimed_key_id(facts, self.clock.now(), window=timedelta(minutes=5))
        assert key_id is not None, "a delivery without signature"
        if key_id not in self._keys:
            headers = {"Accept": AS2}
            answer = await self.network.exchange("GET", key_id.partition("#")[0], headers, b"", _BOUNDS)
            for key in keys_in(parse_object(answer.body)):
                self._keys[key.id] = PublicKey(key.id, key.owner, key.kind, key.material)
        return verified_sender(facts, self._keys[key_id], self.clock.now())


def stranger(towns: Towns, host: str = "social.example") -> Stranger:
    """A fresh server in the towns' network; a second one of the same host takes the place of the first."""
    return Stranger(towns.network, towns.clock, host)


def signed(
    url: str, body: bytes, keys: PrivateKeys, now: datetime, *, form: SignedAs, content_type: str = AS2
) -> dict[str, str]:
    """The headers of an honest request."""
    if form == "cavage":
        return sign_cavage("POST", url, body, keys, now, content_type=content_type)
    use: Literal["rsa", "ed25519"] = "rsa" if form == "rfc9421" else "ed25519"
    return sign_rfc9421("POST", url, body, keys, now, use=use, content_type=content_type)


def _forged(
    url: str, body: bytes, sender: Guest, now: datetime, *, form: SignedAs, lie: Forgery
) -> dict[str, str]:
    keys = lie.keys or sender.keys
    moment = lie.signed_at or now
    authority, _, path = url.removeprefix("https://").partition("/")
    headers = {"Host": lie.host or authority, "Date": cavage.write_date(moment), "Content-Type": AS2}
    claimed = b"other bytes" if lie.digest == "wrong" else body
    if lie.digest != "missing":
        headers["Digest" if form == "cavage" else "Content-Digest"] = (
            digest_header(claimed) if form == "cavage" else content_digest_header(claimed)
        )
    values = {name.lower(): value for name, value in headers.items()} | {
        "(request-target)": f"post /{path}",
        "@method": "POST",
        "@target-uri": url,
        "@authority": authority,
    }
    usual = ("(request-target)", "host", "date", "digest")
    if form != "cavage":
        usual = ("@method", "@target-uri", "@authority", "content-digest")
    covered = [name for name in lie.covered or usual if name in values]
    lines = [(name, values[name]) for name in covered]
    make = keys.sign_ed25519 if form == "ed25519" else keys.sign_rsa
    key_id = lie.key_id or (sender.keys.ed25519_key_id if form == "ed25519" else sender.keys.main_key_id)
    if form == "cavage":
        made = b64encode(make(cavage.signing_string(lines).encode())).decode()
        algorithm = "rsa-sha256" if lie.algorithm is None else lie.algorithm
        headers["Signature"] = (
            f'keyId="{key_id}",algorithm="{algorithm}",headers="{" ".join(covered)}",signature="{made}"'
        )
    else:
        listed = " ".join(f'"{name}"' for name in covered)
        alg = f';alg="{lie.algorithm}"' if lie.algorithm else ""
        parameters = f'({listed});created={int(moment.timestamp())};keyid="{key_id}"{alg}'
        made = b64encode(make(rfc9421.signature_base(lines, parameters).encode())).decode()
        headers |= {"Signature-Input": f"sig1={parameters}", "Signature": f"sig1=:{made}:"}
    return headers | dict(lie.headers)
