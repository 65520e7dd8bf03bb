"""The digests that sisters read of each other: who may read them, and what is refused however well signed."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.app import build_app
from fedi_cluster.community.regions import ledger, periods
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.community.regions.shapes import Listed, Part, Period
from fedi_cluster.federation.remote.signing import Form, own_private_keys, signer
from fedi_cluster.federation.render import cluster as render
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.kernel.json import Json, dumps, parse_object
from fedi_cluster.storage.unit import Unit
from tests.towns.ledgers import at_once, comparison, equal, pass_by, root
from tests.towns.town import Town, Towns, pair_for

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("new_database", ["sqlite"], indirect=True),
]

Message = MutableMapping[str, Any]


async def pair(towns: Towns) -> tuple[Town, Town]:
    """Two sisters."""
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    return szczecin, rostock


async def read(reader: Town, url: str, **headers: str) -> tuple[int, bytes, str | None]:
    """What a town gets there by a signed GET: status, body, ETag."""
    federation = reader.house.federation
    sign = signer(federation.signers.of_instance(), Form.ED25519, reader.clock.now())
    answer = await federation.outbound.get(url, signer=sign, headers=headers)
    return answer.status, answer.body, answer.headers.get("etag")


async def items(reader: Town, url: str) -> list[Json]:
    """What a digest lists there."""
    return cast(list[Json], parse_object((await read(reader, url))[1])["orderedItems"])


async def test_sisters_alone_read_them(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    lonely = await towns.found("lonely", "en")
    root_uri = szczecin.house.at.digest
    for path in ("/cluster/digest", "/cluster/copies/rostock.example/digest", "/cluster/copy?id=x"):
        assert (await szczecin.client.get(path)).status_code == 401
        assert (await read(lonely, szczecin.house.at.base + path))[0] == 403
        assert (await read(rostock, lonely.house.at.base + path))[0] == 404
    status, body, etag = await read(rostock, root_uri)
    document = parse_object(body)
    assert (status, document["id"], etag) == (200, root_uri, f'"{document["creative:digest"]}"')
    assert (await read(rostock, root_uri, **{"If-None-Match": str(etag)}))[:2] == (304, b"")
    assert (await read(rostock, f"{root_uri}/2026-13"))[0] == 404
    assert (await read(rostock, f"{szczecin.house.at.base}/cluster/copies/nobody.example/digest"))[0] == 404


async def test_copies_are_the_bytes_of_their_author(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    post = await szczecin.post("atelier", "Wystawa", to_region=True)
    await at_once(szczecin, rostock)
    at = f"{rostock.house.at.base}/cluster"
    created = await szczecin.document(szczecin.house.at.activity(post.id))
    assert await read(szczecin, rostock.house.at.copy(post.uri)) == (200, dumps(created["object"]), None)
    day = periods.day_of(post.published_at)
    held = parse_object((await read(szczecin, f"{at}/copies/{szczecin.host}/digest/{day}"))[1])
    own = parse_object((await read(rostock, f"{szczecin.house.at.digest}/{day}"))[1])
    assert (held["creative:digest"], held["orderedItems"]) == (own["creative:digest"], own["orderedItems"])
    assert (held["attributedTo"], held["creative:origin"]) == (
        rostock.house.at.instance_actor,
        own["attributedTo"],
    )
    await pass_by(towns, 1)
    await szczecin.erase(post)
    await towns.settle()
    await pass_by(towns, 1)
    gone = parse_object((await read(szczecin, rostock.house.at.copy(post.uri)))[1])
    assert gone == await szczecin.document(post.uri, 410)


@dataclass
class Forger:
    """A sister who tells what the test wants at the addresses of her digest, and else is herself."""

    town: Town
    told: dict[str, Json] = field(default_factory=dict)
    herself: Any = None

    def __post_init__(self) -> None:
        """Her own application, for everything else."""
        self.herself = build_app(self.town.house)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """An ASGI application."""
        path = Request(scope).url.path.removeprefix("/cluster/digest").removeprefix("/")
        if scope["path"].startswith("/cluster/digest") and path in self.told:
            answer = Response(dumps(self.told[path]), media_type="application/activity+json")
            await answer(scope, receive, send)
        else:
            await self.herself(scope, receive, send)

    def tell(self, period: Period, updated: datetime, keys: PrivateKeys, **changes: object) -> None:
        """A digest signed with `keys`; `changes` are made before."""
        at = self.town.house.at
        document = render.digest(at.digest, period, at.instance_actor, at.instance_actor, updated)
        self.told[period.name] = with_proof(document | changes, keys, updated)

    def tell_down_to(self, rows: tuple[Listed, ...], now: datetime, keys: PrivateKeys, day: str) -> None:
        """These rows of a day, and what stands above them."""
        prefix = self.town.house.at.digest
        below = Period(day, periods.digest_of_rows(rows), rows=rows)
        self.tell(below, now, keys)
        for name in (day[:7], ""):
            part = Part(below.name, max(1, len(rows)), below.digest)
            below = Period(name, periods.digest_of_parts(prefix, (part,)), parts=(part,))
            self.tell(below, now, keys)


async def forger(towns: Towns, town: Town) -> tuple[Forger, PrivateKeys]:
    """The town's place on the network is taken by a forger, who has its keys."""
    made = Forger(town)
    towns.network.add(town.host, made)
    keys = await town.house.db.read(lambda reader: own_private_keys(reader, instance_actor(reader)))
    return made, keys


async def refuses(towns: Towns, town: Town, sister: Town, why: str) -> None:
    """The comparison ends with this complaint, and what the town holds of the sister is as before."""
    before = await root(town, sister)
    towns.clock.forward(minutes=20)
    await town.work()
    assert why in ((await comparison(town, sister)).error or ""), await comparison(town, sister)
    assert await root(town, sister) == before


ALL = Period("", periods.digest_of_parts("", ()))


REFUSED: list[tuple[str, timedelta, Json]] = [
    ("format of a later version", timedelta(), {"creative:format": 2}),
    ("older than one that we saw", -timedelta(days=1), {}),
    ("of the future", timedelta(hours=3), {}),
    ("signed by another instance", timedelta(), {"attributedTo": "https://rostock.example/actor"}),
    ("of something else", timedelta(), {"creative:origin": "https://rostock.example/actor"}),
    ("does not fit what it lists", timedelta(), {"creative:digest": "0" * 64}),
    ("not complete", timedelta(), {"orderedItems": [{"id": "https://szczecin.example/x"}]}),
    (
        "too long",
        timedelta(),
        {"orderedItems": [{"id": f"https://szczecin.example/{n}"} for n in range(2001)]},
    ),
]


async def test_what_is_refused_however_well_signed(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    made, own = await forger(towns, szczecin)
    for why, updated, changes in REFUSED:
        keys = own
        if "attributedTo" in changes:
            keys = PrivateKeys("https://rostock.example/actor", *pair_for(rostock.house.at.instance_actor))
        made.tell(ALL, towns.clock.now() + timedelta(minutes=20) + updated, keys, **changes)
        await refuses(towns, rostock, szczecin, why)


async def test_a_digest_by_another_key_is_refused(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    made, keys = await forger(towns, szczecin)
    other = PrivateKeys(keys.actor_uri, *pair_for("https://nobody.example/actor"))
    made.tell(ALL, towns.clock.now() + timedelta(minutes=20), other)
    await refuses(towns, rostock, szczecin, "does not fit")


async def test_rows_of_elsewhere_are_refused(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    made, keys = await forger(towns, szczecin)
    for why, uri, published in (
        ("on another server", "https://rietavas.example/objects/1", "2026-11-25T09:00:00+00:00"),
        ("of another day", "https://szczecin.example/objects/1", "2026-11-24T09:00:00+00:00"),
    ):
        moment = datetime.fromisoformat(published)
        rows = tuple(Listed(f"{uri}{number}", "Note", moment, moment) for number in range(400))
        made.tell_down_to(rows, towns.clock.now() + timedelta(minutes=20), keys, "2026-11-25")
        before = len(towns.network.sent_to(szczecin.host, "GET"))
        await refuses(towns, rostock, szczecin, why)
        assert len(towns.network.sent_to(szczecin.host, "GET")) - before <= 4


async def test_endless_months_and_the_future_are_refused(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    made, keys = await forger(towns, szczecin)
    when = towns.clock.now() + timedelta(minutes=20)
    for name in ("2027-01", "2026-11-25"):
        part = Part(name, 1, "0" * 64)
        prefix = szczecin.house.at.digest
        made.tell(Period("", periods.digest_of_parts(prefix, (part,)), parts=(part,)), when, keys)
        await refuses(towns, rostock, szczecin, "future" if name == "2027-01" else "another period")
        when += timedelta(minutes=20)


async def test_things_that_are_listed_and_not_there_are_asked_for_so_often(towns: Towns) -> None:
    """Rows that answer 404: each is asked for once in a run, so that others get their turn."""
    szczecin, rostock = await pair(towns)
    made, keys = await forger(towns, szczecin)
    moment = datetime.fromisoformat("2026-11-25T08:00:00+00:00")
    rows = tuple(Listed(f"https://szczecin.example/objects/{n}", "Note", moment, moment) for n in range(120))
    made.tell_down_to(rows, towns.clock.now() + timedelta(minutes=20), keys, "2026-11-25")
    before = len(towns.network.sent_to(szczecin.host, "GET"))
    towns.clock.forward(minutes=20)
    await rostock.work()
    asked = len(towns.network.sent_to(szczecin.host, "GET")) - before
    assert 120 <= asked <= 150
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing, how.error) == ("behind", 120, "120 cannot be read there")


async def test_a_day_with_many_things_is_told_by_hours(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    post = await szczecin.post("atelier", "Ten jeden", to_region=True)
    await towns.settle()
    early = towns.clock.now().replace(hour=3, minute=7)
    many = [Listed(f"https://szczecin.example/objects/{n}", "Note", early, early) for n in range(600)]

    def fill(unit: Unit, *, ours: bool) -> None:
        for one in many:
            ledger.put(unit, one, listed=True, verified=ours)

    await szczecin.house.db.write(fill, ours=True)
    await rostock.house.db.write(fill, ours=False)
    day, prefix = periods.day_of(early), szczecin.house.at.digest
    told = await items(rostock, f"{prefix}/{day}")
    assert [str(item["id"]).rpartition("/")[2] for item in told] == [f"{day}T03", f"{day}T09"]
    minutes = await items(rostock, f"{prefix}/{day}T03")
    assert [item["totalItems"] for item in minutes] == [600]
    await rostock.house.db.write(ledger.unlist, post.uri)
    assert not await equal(szczecin, rostock)
    await pass_by(towns)
    assert await equal(szczecin, rostock)
    asked = [
        sent.url.removeprefix(prefix)
        for sent in towns.network.sent_to(szczecin.host)
        if f"{day}T" in sent.url
    ]
    assert asked[-1] == f"/{day}T09"
