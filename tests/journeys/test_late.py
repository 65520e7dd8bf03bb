"""What comes late, first or again: tombstones of 90 days, wishes that were taken back, what waited for a post."""

from datetime import timedelta
from itertools import permutations

import pytest

from fedi_cluster.federation.inbox import claims, early
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from tests.journeys.door import NUMBERS
from tests.towns.looking import between, follow, row_counts
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def _followed(sea: Towns, town: Town) -> tuple[Stranger, Guest]:
    """A stranger of a host of its own, whose mia is followed by ola of the town."""
    there = stranger(sea, f"late{next(NUMBERS)}.example")
    mia = there.person("mia")
    await follow(town, "ola", mia.uri)
    await town.work()
    (wish,) = there.heard("Follow")
    await there.say(town, mia, there.activity(mia, "Accept", wish))
    return there, mia


@pytest.mark.parametrize(
    "later", [timedelta(minutes=1), timedelta(hours=7), timedelta(days=10)], ids=["1 min", "7 h", "10 d"]
)
async def test_a_create_after_its_delete_is_ignored(sea: Towns, szczecin: Town, later: timedelta) -> None:
    there, mia = await _followed(sea, szczecin)
    note = there.note(mia, "Zu spät")
    await there.say(szczecin, mia, there.activity(mia, "Delete", {"id": note["id"], "type": "Tombstone"}))
    sea.clock.moment += later
    await there.say(szczecin, mia, there.create(mia, note))
    await there.say(
        szczecin, mia, there.activity(mia, "Update", note | {"updated": to_wire(sea.clock.now())})
    )
    assert await szczecin.find(str(note["id"])) is None


async def test_a_newer_edit_stays(sea: Towns, szczecin: Town) -> None:
    there, mia = await _followed(sea, szczecin)
    note = there.note(mia, "Eins")
    first, second = (
        note | {"content": f"<p>{text}</p>", "updated": to_wire(sea.clock.now() + timedelta(minutes=minutes))}
        for text, minutes in (("Zwei", 1), ("Drei", 2))
    )
    sea.clock.forward(minutes=5)
    for said in (
        there.activity(mia, "Update", second),
        there.create(mia, note),
        there.activity(mia, "Update", first),
    ):
        await there.say(szczecin, mia, said)
    found = await szczecin.find(str(note["id"]))
    assert found is not None
    assert found.content == "<p>Drei</p>"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_wish_that_was_renewed(sea: Towns, szczecin: Town, order: tuple[int, int, int]) -> None:
    """Follow, Undo, Follow again, in each order: only where the newest came first of all, it ends with the rest."""
    there, _mia = await _followed(sea, szczecin)
    tom, ola = there.person("tom"), await szczecin.person("ola")
    old, new = (there.activity(tom, "Follow", ola.uri) for _number in range(2))
    inner = {name: old[name] for name in ("id", "type", "actor", "object")}
    said = [old, there.activity(tom, "Undo", inner), new]
    for number in order:
        await there.say(szczecin, tom, said[number])
    stands = await between(szczecin, tom.uri, ola.uri) is not None
    assert stands == (order != (2, 0, 1))


async def test_lemmy_names_an_id_of_its_own(sea: Towns, szczecin: Town) -> None:
    there, _mia = await _followed(sea, szczecin)
    tom, ola = there.person("tom"), await szczecin.person("ola")
    await there.say(szczecin, tom, there.activity(tom, "Follow", ola.uri))
    inner: Json = {"id": there.new_id(), "type": "Follow", "actor": tom.uri, "object": ola.uri}
    await there.say(szczecin, tom, there.activity(tom, "Undo", inner))
    assert await between(szczecin, tom.uri, ola.uri) is None


async def test_nobody_marks_what_is_somebody_elses(sea: Towns, szczecin: Town) -> None:
    there, _mia = await _followed(sea, szczecin)
    evil, ola = stranger(sea, "evil.example"), await szczecin.person("ola")
    tom, eve = there.person("tom"), evil.person("eve")
    wish = there.activity(tom, "Follow", ola.uri)
    await evil.say(szczecin, eve, evil.activity(eve, "Undo", wish["id"]))
    await there.say(szczecin, tom, wish)
    assert await between(szczecin, tom.uri, ola.uri) is not None
    neighbour = there.person("neighbour")
    await there.say(szczecin, neighbour, there.activity(neighbour, "Undo", wish["id"]))
    assert await between(szczecin, tom.uri, ola.uri) is not None


async def test_what_waits_is_forgotten_after_90_days(sea: Towns, szczecin: Town) -> None:
    there, _mia = await _followed(sea, szczecin)
    tom, before = there.person("tom"), await row_counts(szczecin)
    await there.say(szczecin, tom, there.activity(tom, "Like", f"{there.base}/notes/never"))
    await there.say(szczecin, tom, there.activity(tom, "Undo", there.new_id()))
    after = await row_counts(szczecin)
    assert (after["early"], after["claim"]) == (before["early"] + 1, before["claim"] + 1)
    sea.clock.forward(days=91)
    assert await szczecin.house.db.write(early.trim) >= 1
    assert await szczecin.house.db.write(claims.trim) >= 1
    after = await row_counts(szczecin)
    assert (after["early"], after["claim"]) == (0, 0)
