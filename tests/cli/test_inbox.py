"""`inbox`: what waits and was given up, and again."""

from sqlalchemy import insert, select

from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.unit import Unit
from tests.cli.conftest import Instance


def _some(instance: Instance) -> dict[str, int]:
    """An entry of each kind; their ids by name."""
    made: dict[str, int] = {}
    entries = (
        ("open", "rostock", "open", b"{}"),
        ("later", "rostock", "waiting", b"{}"),
        ("dead", "rietavas", "dead", b"{}"),
        ("empty", "rietavas", "dead", None),
        ("done", "rietavas", "done", b"{}"),
    )

    def write(unit: Unit) -> None:
        for name, host, state, raw in entries:
            actor = f"https://{host}.example/users/mia"
            made[name] = unit.new_id()
            row = {
                "id": made[name], "activity_uri": f"https://{host}.example/{name}", "sender_actor": actor,
                "sender_host": f"{host}.example", "sender_key": f"{actor}#main-key", "scheme": "cavage",
                "key_kind": "rsa", "raw": raw, "state": state, "received_at": unit.now,
                "reason": None if state == "open" else "ZeroDivisionError: a fault\nof ours",
            }  # fmt: skip
            unit.connection.execute(insert(inbox_log).values(**row))

    house = instance.house()
    house.db.write_now(write)
    house.db.close()
    return made


def _names(said: str) -> list[str]:
    return [line.split()[1].rpartition("/")[2] for line in said.splitlines()[1:]]


def test_what_waits_and_what_was_given_up(instance: Instance) -> None:
    _some(instance)
    assert _names(instance.command("inbox", "list")) == ["open", "later", "dead"]
    assert _names(instance.command("inbox", "list", "--host", "rostock.example")) == ["open", "later"]
    dead = instance.command("inbox", "list", "--dead")
    assert _names(dead) == ["dead"]
    assert "a fault of ours" in dead


def test_they_are_brought_back(instance: Instance) -> None:
    made = _some(instance)
    assert "Nothing of this ID" in instance.fault("inbox", "retry", str(made["done"]))
    assert "Nothing of this ID" in instance.fault("inbox", "retry", str(made["empty"]))
    assert instance.command("inbox", "retry", "--all") == "1 brought back.\n"
    assert instance.command("inbox", "retry", str(made["later"])) == "1 brought back.\n"
    assert instance.command("inbox", "retry", "--all") == "0 brought back.\n"
    assert instance.command("inbox", "list", "--dead").count("\n") == 1
    house = instance.house()
    keys = house.db.read_now(lambda reader: set(reader.connection.scalars(select(job.c.key))))
    house.db.close()
    assert {"in:rostock.example", "in:rietavas.example"} <= keys


def test_it_must_be_clear_which(instance: Instance) -> None:
    instance.command("inbox", "retry", code=2)
    instance.command("inbox", "retry", "5", "--all", code=2)
