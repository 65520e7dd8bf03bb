"""`jobs`: listing and bringing back."""

import json

from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import LEASE
from fedi_cluster.storage.unit import Unit
from tests.cli.conftest import Instance


def _bury_one(instance: Instance, lane: str) -> Job:
    def write(unit: Unit) -> Job:
        queue.enqueue(unit, "federation.deliver", {"n": 1}, lane=lane)
        (job,) = queue.claim(unit, "test", 1, LEASE)
        assert queue.bury(unit, job, "the inbox is gone")
        return job

    house = instance.house()
    job = house.db.write_locking_now(write)
    house.db.close()
    return job


def test_what_waits_and_what_was_given_up(instance: Instance) -> None:
    job = _bury_one(instance, "out:rostock.example")
    instance.command("post", "Cześć")
    said = instance.command("jobs", "list")
    assert "the inbox is gone" in said
    assert "federation.send_post" in said
    assert "1 given up" in said
    dead = instance.command("jobs", "list", "--dead", "--json").splitlines()
    assert [json.loads(line)["id"] for line in dead] == [str(job.id)]
    assert "send_post" not in instance.command("jobs", "list", "--lane", "out:rostock.example")


def test_they_are_brought_back(instance: Instance) -> None:
    job = _bury_one(instance, "out:rostock.example")
    _bury_one(instance, "out:rietavas.example")
    assert "No such job" in instance.fault("jobs", "retry", "1")
    assert instance.command("jobs", "retry", str(job.id)) == "1 brought back.\n"
    assert instance.command("jobs", "retry", "--lane", "out:rietavas.example") == "1 brought back.\n"
    assert instance.command("jobs", "retry", "--all") == "0 brought back.\n"
    assert "0 given up" in instance.command("jobs", "list")


def test_it_must_be_clear_which(instance: Instance) -> None:
    instance.command("jobs", "retry", code=2)
    instance.command("jobs", "retry", "5", "--all", code=2)
