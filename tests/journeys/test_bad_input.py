"""What the inbox refuses at its door: the right status and text, nothing stored, nothing fetched in vain."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.kernel.json import dumps
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.tables.instances import instance as instance_table
from fedi_cluster.storage.unit import Unit
from tests.journeys.door import Door
from tests.towns.looking import between, row_counts, verdicts
from tests.towns.stranger import Forgery, Guest, SignedAs, signed, stranger
from tests.towns.town import AS2, pair_for

pytestmark = pytest.mark.anyio


async def test_the_honest_request_is_taken(door: Door) -> None:
    assert (await door.post()).status_code == 202
    assert (await row_counts(door.town))["inbox_log"] == door.before["inbox_log"] + 1
    assert [one.url for one in door.sea.network.log[door.so_far :]] == [door.mia.uri]
    await door.town.work()
    assert await between(door.town, door.mia.uri, door.town.house.at.region) is not None


async def test_unsigned(door: Door) -> None:
    headers = {"Content-Type": AS2}
    answer = await door.town.client.post("/inbox", content=dumps(door.wish), headers=headers)
    await door.refuses(answer, 401)


@pytest.mark.parametrize("form", ["cavage", "rfc9421", "ed25519"])
@pytest.mark.parametrize("minutes", [-61, 61])
async def test_stale_or_from_the_future(door: Door, form: SignedAs, minutes: int) -> None:
    moment = door.sea.clock.now() + timedelta(minutes=minutes)
    await door.refuses(await door.lie(form=form, signed_at=moment), 401)


async def test_within_the_hour(door: Door) -> None:
    assert (await door.lie(signed_at=door.sea.clock.now() - timedelta(minutes=59))).status_code == 202


CAVAGE = ("(request-target)", "host", "date", "digest")
RFC9421 = ("@method", "@target-uri", "@authority", "content-digest")


@pytest.mark.parametrize(
    ("form", "lies"),
    [
        ("cavage", {"digest": "missing"}),
        ("cavage", {"digest": "wrong"}),
        ("cavage", {"body": b'{"type": "Follow"}'}),
        ("cavage", {"host": "elsewhere.example"}),
        *(("cavage", {"covered": tuple(one for one in CAVAGE if one != left)}) for left in CAVAGE),
        ("cavage", {"algorithm": "rsa-sha1"}),
        ("cavage", {"algorithm": "none"}),
        ("cavage", {"algorithm": "md5"}),
        ("rfc9421", {"digest": "missing"}),
        ("rfc9421", {"digest": "wrong"}),
        ("rfc9421", {"body": b'{"type": "Follow"}'}),
        ("rfc9421", {"host": "elsewhere.example"}),
        ("rfc9421", {"covered": RFC9421[1:]}),
        ("rfc9421", {"covered": ("@method", "content-digest")}),
        ("rfc9421", {"covered": RFC9421[:3]}),
        ("rfc9421", {"algorithm": "hmac-sha256"}),
    ],
)
async def test_what_needs_no_key_to_be_refused(door: Door, form: SignedAs, lies: dict[str, object]) -> None:
    await door.refuses(await door.lie(form=form, **lies), 401)


@pytest.mark.parametrize(
    "key_id",
    [
        "http://plain.example/users/mia#main-key",
        "https://localhost/users/mia#main-key",
        "https://127.0.0.1/users/mia#main-key",
        "https://[::1]/users/mia#main-key",
        "https://10.0.0.1:8080/users/mia#main-key",
        "https://szczecin.example/actors/nobody#main-key",
        "acct:mia@social.example",
        "javascript:alert(1)",
        "data:text/plain,key",
        "https://victim@evil.example/users/mia#main-key",
    ],
)
async def test_keys_that_are_nowhere_to_be_fetched(door: Door, key_id: str) -> None:
    await door.refuses(await door.lie(key_id=key_id), 401)


@pytest.mark.parametrize("form", ["cavage", "rfc9421", "ed25519"])
async def test_signed_with_another_key(door: Door, form: SignedAs) -> None:
    other = PrivateKeys(door.mia.uri, *pair_for("stranger tom"))
    await door.refuses(await door.lie(form=form, keys=other), 401, reads=1)


async def test_signed_by_one_who_names_the_key_of_another(door: Door) -> None:
    tom = door.there.person("tom")
    await door.refuses(await door.lie(key_id=tom.keys.main_key_id), 401, reads=1)


@pytest.mark.parametrize(("form", "algorithm"), [("cavage", "ed25519"), ("rfc9421", "ed25519")])
async def test_an_algorithm_of_another_kind_of_key(door: Door, form: SignedAs, algorithm: str) -> None:
    await door.refuses(await door.lie(form=form, algorithm=algorithm), 401, reads=1)


async def test_signatures_that_cannot_be_read(door: Door) -> None:
    body, url = dumps(door.wish), f"https://{door.town.host}/inbox"
    for change in (
        lambda said: said + ',keyId="https://evil.example/a#main-key"',
        lambda _said: "keyId",
        lambda said: f"{said}, {said}",
    ):
        headers = signed(url, body, door.mia.keys, door.sea.clock.now(), form="cavage")
        headers["Signature"] = change(headers["Signature"])
        await door.refuses(await door.town.client.post("/inbox", content=body, headers=headers), 400)


async def test_proxies_are_not_believed(door: Door) -> None:
    forwarded = (("X-Forwarded-Host", "szczecin.example"), ("Forwarded", "host=szczecin.example"))
    await door.refuses(await door.lie(host="elsewhere.example", headers=forwarded), 401)


async def test_another_actor_of_the_same_host(door: Door) -> None:
    tom = door.there.person("tom")
    await door.refuses(await door.post(door.there.activity(tom, "Follow", "https://x.example/y")), 403, 1)


async def test_an_actor_of_another_host(door: Door) -> None:
    victim = stranger(door.sea, "victim.example")
    vera = victim.person("vera")
    said = victim.activity(vera, "Follow", door.town.house.at.region)
    await door.refuses(await door.post(said), 403, 1)
    # The genuine one is not taken for a repetition.
    assert (await victim.post(door.town, vera, said)).status_code == 202


async def test_an_id_of_another_host_than_the_actor(door: Door) -> None:
    for said in (
        door.wish | {"id": "https://victim.example/activities/1"},
        door.wish | {"id": f"{door.town.house.at.base}/activities/1"},
        {name: value for name, value in door.wish.items() if name != "id"},
        door.wish | {"id": "https://szczecin.example@evil.example/1"},
    ):
        await door.refuses(await door.post(said), 400)


async def test_a_blocked_instance_before_any_fetch(door: Door) -> None:
    def block(unit: Unit) -> None:
        row = {"host": door.there.host, "policy": "blocked", "first_seen_at": unit.now}
        insert_new(unit.connection, instance_table, row)

    await door.town.house.db.write(block)
    door.before = await row_counts(door.town)
    await door.refuses(await door.post(), 403)
    # In both directions: a blocked key for an open actor, and the reverse.
    open_one = stranger(door.sea, "open.example")
    eva = open_one.person("eva")
    said = open_one.activity(eva, "Follow", door.town.house.at.region)
    await door.refuses(await door.post(said), 403)
    await door.refuses(await open_one.post(door.town, eva, door.wish), 403)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/ld+json", "multipart/form-data", "", "text/html"]
)
async def test_another_content_type(door: Door, content_type: str) -> None:
    answer = await door.there.post(door.town, door.mia, door.wish, content_type=content_type)
    await door.refuses(answer, 415)


async def test_a_packed_body(door: Door) -> None:
    await door.refuses(await door.lie(headers=(("Content-Encoding", "gzip"),)), 415)


async def test_an_inbox_that_nobody_has(door: Door) -> None:
    answer = await door.there.post(door.town, door.mia, door.wish, inbox="/actors/nobody/inbox")
    await door.refuses(answer, 404)


async def test_too_large(door: Door) -> None:
    body = b'{"a": "' + b"x" * 2**20 + b'"}'
    await door.refuses(await door.post(body), 413)

    async def endless() -> AsyncIterator[bytes]:
        for _part in range(40):
            yield b" " * 2**16
        raise AssertionError("it was read to the end")

    headers = {"Content-Type": AS2}
    await door.refuses(await door.town.client.post("/inbox", content=endless(), headers=headers), 413)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b'{"id": "a", "id": "b"}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": ' * 40 + b"1" + b"}" * 40,
        b'{"a": ' + b"[" * 100_000,
        b'{"a": [' + b"{}," * 20_000 + b"{}]}",
        b"{}",
        b'{"type": "Follow"}',
        b'{"type": "Follow", "id": "https://x.example/1", "actor": 7, "object": "https://y.example/2"}',
    ],
)
async def test_what_is_no_activity(door: Door, body: bytes) -> None:
    await door.refuses(await door.post(body), 400)


async def test_a_flood_of_deleted_strangers_reads_nothing(door: Door) -> None:
    for number in range(20):
        ghost = Guest(f"{door.there.base}/users/g{number}", f"g{number}", door.mia.keys)
        for kind in ("Delete", "Update"):
            answer = await door.there.post(
                door.town, ghost, door.there.activity(ghost, kind, ghost.uri), forged=Forgery()
            )
            assert answer.status_code == 202
    assert len(door.sea.network.log) == door.so_far
    assert await row_counts(door.town) == door.before


async def test_a_repeated_delivery_has_one_effect(door: Door) -> None:
    headers = signed(
        f"https://{door.town.host}/inbox",
        dumps(door.wish),
        door.mia.keys,
        door.sea.clock.now(),
        form="cavage",
    )
    for _again in range(3):
        answer = await door.town.client.post("/inbox", content=dumps(door.wish), headers=headers)
        assert answer.status_code == 202
    personal = f"/actors/{door.town.house.at.region.rpartition('/')[2]}/inbox"
    assert (await door.there.post(door.town, door.mia, door.wish, inbox=personal)).status_code == 202
    await door.town.work()
    assert await verdicts(door.town, door.wish["id"]) == [("done", None)]
    assert len(door.there.heard("Accept")) == 1


async def test_the_same_at_the_same_time_has_one_effect(door: Door) -> None:
    import anyio

    statuses: list[int] = []

    async def deliver() -> None:
        statuses.append((await door.post()).status_code)

    async with anyio.create_task_group() as group:
        for _again in range(12):
            group.start_soon(deliver)
    await door.town.work()
    assert statuses == [202] * 12
    assert await verdicts(door.town, door.wish["id"]) == [("done", None)]
    # Whoever the crowd, the sender was read once.
    assert [one.method for one in door.sea.network.sent_to(door.there.host)].count("GET") <= 2
    assert len(door.there.heard("Accept")) == 1
