"""Lists of members and invitations in wrong hands: nobody gets into a cluster, or out of it, by a lie."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.regions.queries import own_entry
from fedi_cluster.federation.remote.member_list import own_list
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.federation.signatures.sign import sign_cavage
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from tests.towns.looking import row_counts, verdicts
from tests.towns.stranger import CONTEXT, Guest, Stranger, stranger
from tests.towns.town import AS2, Town, Towns, pair_for

pytestmark = pytest.mark.anyio

_NUMBERS = iter(range(10_000))


@pytest.fixture(scope="module")
async def rostock(sea: Towns, szczecin: Town) -> Town:
    """A sister of szczecin."""
    found = await sea.found("rostock", "de")
    await sea.join(found, szczecin)
    return found


def keys_of(town: Town) -> PrivateKeys:
    """The keys of a town's instance actor."""
    uri = town.house.at.instance_actor
    return PrivateKeys(uri, *pair_for(uri))


def entries(document: Json) -> list[Json]:
    """The rows of a list."""
    return cast("list[Json]", document["items"])


async def told(speaker: Town, hearer: Town, change: Callable[[Json], None], keys: PrivateKeys) -> str:
    """A changed list of the speaker, signed by `keys`, in an Update of the speaker; the hearer's verdict."""
    document = await speaker.house.db.read(own_list, speaker.house.at)
    change(document)
    try:
        document = with_proof(document, keys, speaker.clock.now())
    except Exception:
        other = {**document, "attributedTo": keys.actor_uri}
        document = {**with_proof(other, keys, speaker.clock.now()), "attributedTo": document["attributedTo"]}
    me = Guest(speaker.house.at.instance_actor, "actor", keys_of(speaker))
    return await sent(stranger_of(speaker), me, hearer, document)


def stranger_of(town: Town) -> Stranger:
    """Something that posts with the town's own keys; it does not take the town's place in the network."""
    made = Stranger.__new__(Stranger)
    made.host, made.base, made.clock = town.host, town.house.at.base, town.clock
    return made


async def sent(there: Stranger, sender: Guest, hearer: Town, document: Json) -> str:
    said: Json = {
        "@context": CONTEXT,
        "id": f"{there.base}/activities/forged{next(_NUMBERS)}",
        "type": "Update",
        "actor": sender.uri,
        "object": document,
    }
    await there.say(hearer, sender, said)
    ((state, _why),) = await verdicts(hearer, said["id"])
    return state


def removed(host: str, moment: str) -> Callable[[Json], None]:
    """Writes into a list that a member was removed."""

    def change(document: Json) -> None:
        document["creative:version"] = cast(int, document["creative:version"]) + 1
        for entry in entries(document):
            if host in str(entry["subject"]):
                entry.update({"creative:state": "removed", "updated": moment})

    return change


async def test_a_list_counts_only_with_the_pinned_key(sea: Towns, szczecin: Town, rostock: Town) -> None:
    now = to_wire(sea.clock.now() + timedelta(minutes=1))
    uri = rostock.house.at.instance_actor
    for keys in (
        PrivateKeys(uri, *pair_for("stranger mia")),
        PrivateKeys("https://evil.example/actor", *pair_for("stranger mia")),
        keys_of(szczecin),
    ):
        assert await told(rostock, szczecin, removed("szczecin", now), keys) == "refused"
    assert await szczecin.sisters() == ["rostock.example"]
    assert await rostock.sisters() == ["szczecin.example"]


async def test_a_list_of_a_later_format_or_of_the_future_is_not_taken(
    sea: Towns, szczecin: Town, rostock: Town
) -> None:
    keys = keys_of(rostock)
    assert await told(rostock, szczecin, lambda one: one.update({"creative:format": 2}), keys) == "refused"
    for moment in ("2199-01-01T00:00:00Z", to_wire(sea.clock.now() + timedelta(hours=2))):
        assert await told(rostock, szczecin, removed("szczecin", moment), keys) == "refused"
    assert await szczecin.sisters() == ["rostock.example"]


async def test_a_replayed_list_changes_nothing(sea: Towns, szczecin: Town, rostock: Town) -> None:
    old = await rostock.house.db.read(own_list, rostock.house.at)
    sea.clock.forward(minutes=5)
    karlshamn = await sea.found("karlshamn", "sv")
    await sea.join(karlshamn, szczecin)
    before = await szczecin.house.db.read(instance_queries.members)
    me = Guest(rostock.house.at.instance_actor, "actor", keys_of(rostock))
    assert await sent(stranger_of(rostock), me, szczecin, old) == "done"
    assert await szczecin.house.db.read(instance_queries.members) == before
    assert karlshamn.host in await szczecin.sisters()


async def test_a_list_of_one_who_is_no_member(sea: Towns, szczecin: Town, rostock: Town) -> None:
    there = stranger(sea, "outsider.example")
    outsider = there.person("actor", type_="Application")
    document = await rostock.house.db.read(own_list, rostock.house.at)
    own = with_proof(
        {**document, "id": f"{there.base}/members", "attributedTo": outsider.uri},
        outsider.keys,
        sea.clock.now(),
    )
    for told_list in (document, own):
        assert await sent(there, outsider, szczecin, told_list) == "refused"
    assert "outsider.example" not in str(await szczecin.house.db.read(instance_queries.members))


async def test_a_new_key_for_another_member_is_not_pinned(sea: Towns, szczecin: Town, rostock: Town) -> None:
    mine = keys_of(rostock).public_keys()[1].material
    rietavas = await sea.found("rietavas", "lt")
    await sea.join(rietavas, szczecin)
    moment = to_wire(sea.clock.now() + timedelta(minutes=1))

    def change(document: Json) -> None:
        for entry in entries(document):
            if rietavas.host in str(entry["subject"]):
                entry.update({"creative:key": mine, "updated": moment})

    await told(rostock, szczecin, change, keys_of(rostock))
    member = await szczecin.house.db.read(instance_queries.member, rietavas.host)
    assert member is not None
    assert member.entry.key == keys_of(rietavas).public_keys()[1].material
    assert member.is_sister


def would_be(sea: Towns) -> tuple[Stranger, Guest]:
    """A stranger that has what a region's instance has."""
    there = stranger(sea, f"wouldbe{next(_NUMBERS)}.example")
    members = f"{there.base}/cluster/members"
    more = {"creative:cluster": members}
    guest = there.person("actor", type_="Application", **more)  # type: ignore[arg-type]
    uri = f"{there.base}/actor"
    actor = Guest(uri, "actor", PrivateKeys(uri, guest.keys.rsa_pem, guest.keys.ed25519_pem))
    common: Json = {"@context": CONTEXT, "creative:cluster": members}
    instance: Json = common | {
        "id": uri,
        "type": "Application",
        "preferredUsername": there.host,
        "inbox": f"{uri}/inbox",
        "publicKey": there.rsa_key(actor),
        "assertionMethod": [there.ed25519_key(actor)],
    }
    region = f"{there.base}/actors/region"
    group: Json = common | {
        "id": region,
        "type": "Group",
        "creative:kind": "Region",
        "preferredUsername": "region",
        "name": "Would-be",
        "inbox": f"{region}/inbox",
    }
    there.serve("/actor", instance)
    there.serve("/actors/region", group)
    return there, actor


async def asks(there: Stranger, actor: Guest, town: Town, link: str) -> str:
    """The would-be member sends a Join; the verdict."""
    said = there.activity(actor, "Join", link)
    await there.say(town, actor, said)
    ((state, _why),) = await verdicts(town, said["id"])
    return state


async def test_an_invitation_is_for_one_and_for_a_week(sea: Towns, szczecin: Town) -> None:
    there, actor = would_be(sea)
    other, second = would_be(sea)
    base = f"{szczecin.house.at.base}/cluster/invitations"
    link = await sea.invite(szczecin)
    for wrong in (
        f"{base}/",
        f"{base}/invented",
        f"{base}/{'x' * 5000}",
        "https://evil.example/cluster/invitations/x",
    ):
        answer = await there.post(szczecin, actor, there.activity(actor, "Join", wrong))
        assert answer.status_code in {202, 400}
    await szczecin.work()
    assert await szczecin.house.db.read(instance_queries.member, there.host) is None
    assert await asks(there, actor, szczecin, link) == "done"
    assert await asks(there, actor, szczecin, link) == "done"
    assert await asks(other, second, szczecin, link) == "refused"
    # To ask is not to be: only a host confirms.
    assert there.host not in await szczecin.sisters()
    late = await sea.invite(szczecin)
    sea.clock.forward(days=7, minutes=1)
    assert await asks(other, second, szczecin, late) == "refused"
    await szczecin.house.db.write(lambda unit: membership.remove(unit, there.host, own_entry(unit)))


async def test_only_a_region_s_instance_may_ask(sea: Towns, szczecin: Town) -> None:
    link = await sea.invite(szczecin)
    there, actor = would_be(sea)
    mia = there.person("mia")
    assert await asks(there, mia, szczecin, link) == "refused"
    there.serve("/actors/region", {"id": f"{there.base}/actors/region", "type": "Group"})
    assert await asks(there, actor, szczecin, link) == "refused"
    del there.served["/actors/region"]
    assert await asks(there, actor, szczecin, link) == "refused"
    assert await szczecin.house.db.read(instance_queries.member, there.host) is None


async def test_an_invitation_is_read_only_by_a_signed_request(sea: Towns, szczecin: Town) -> None:
    there, actor = would_be(sea)
    other, second = would_be(sea)
    link = await sea.invite(szczecin)
    path = link.removeprefix(szczecin.house.at.base)
    before = await row_counts(szczecin)
    assert (await szczecin.client.get(path, headers={"Accept": AS2})).status_code == 401

    async def read(who: Guest, url: str) -> int:
        headers = sign_cavage("GET", url, None, who.keys, sea.clock.now(), also={"Accept": AS2})
        return (await szczecin.client.get(url, headers=headers)).status_code

    assert await read(actor, f"{link}x") == 404
    assert await row_counts(szczecin) == before
    assert await read(actor, link) == 200
    assert await asks(there, actor, szczecin, link) == "done"
    assert await read(second, link) == 409
    assert other.host != there.host
