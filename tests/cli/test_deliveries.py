"""`deliveries`: the lanes, what waits and was given up, and again."""

import json

from fedi_cluster.federation.remote import lanes, reach
from fedi_cluster.storage.unit import Unit
from tests.cli.conftest import Instance


def _some(instance: Instance) -> None:
    def write(unit: Unit) -> None:
        for host in ("rostock.example", "rietavas.example"):
            lanes.add(unit, [f"https://{host}/inbox"], 1, activity_id=1)
        first = lanes.listed(unit, "rostock.example")[-1]
        reach.give_up(unit, [first.id], "answered 422: this delivery cannot be taken")
        reach.fail(unit, reach.way(unit, "rietavas.example").after_failure(unit.now), "no answer in time")

    house = instance.house()
    house.db.write_locking_now(write)
    house.db.close()


def test_the_lanes_and_what_waits(instance: Instance) -> None:
    assert instance.command("deliveries", "lanes").splitlines() == [
        "INSTANCE  WAITING  GIVEN UP  REACHED  FAILURES  LAST ERROR"
    ]
    _some(instance)
    lines = instance.command("deliveries", "lanes").splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["rietavas.example", "1", "0"],
        ["rostock.example", "0", "1"],
    ]
    assert "no answer in time" in lines[1]
    [lane] = instance.command("deliveries", "lanes", "--host", "rietavas.example", "--json").splitlines()
    assert json.loads(lane)["failures"] == 1
    assert "rietavas" in instance.command("deliveries", "list")
    dead = instance.command("deliveries", "list", "--dead")
    assert "422" in dead
    assert "rietavas" not in dead


def test_they_are_brought_back(instance: Instance) -> None:
    _some(instance)
    assert "No such delivery" in instance.fault("deliveries", "retry", "--host", "rietavas.example")
    assert instance.command("deliveries", "retry", "--host", "rostock.example") == "1 brought back.\n"
    assert instance.command("deliveries", "retry", "--all") == "0 brought back.\n"
    _some(instance)
    assert instance.command("jobs", "retry", "--all") == "1 brought back.\n"
    instance.command("deliveries", "retry", code=2)
