"""`cluster`: two real servers on loopback become sisters by the commands alone, and part again."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from fedi_cluster.cli.invitation import checked
from fedi_cluster.community.instances.queries import is_member
from fedi_cluster.community.posts.queries import by_uri
from fedi_cluster.community.regions.ledger import held
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.unit import Reader, Unit
from tests.cli.conftest import Instance
from tests.cli.serving import free_port, started

Found = Callable[..., Instance]


@pytest.fixture
def pair(tmp_path: Path, found: Found) -> Iterator[tuple[Instance, Instance]]:
    """Rostock, who invites, and Szczecin, both served on loopback."""
    made = []
    for slug in ("rostock", "szczecin"):
        port = free_port()
        bind = ("--bind", f"127.0.0.1:{port}", "--private-networks", "127.0.0.0/8")
        made.append(found(tmp_path / slug, slug, f"http://{slug}.localhost:{port}", *bind))
    rostock, szczecin = made
    with started(rostock.file, "serve"), started(szczecin.file, "serve"):
        yield rostock, szczecin


def _until(done: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


def test_a_newcomer_joins_by_link_and_gets_the_history(pair: tuple[Instance, Instance]) -> None:
    rostock, szczecin = pair
    for number in range(3):
        rostock.command("post", f"Beitrag {number}", "--lang", "de")
    link = rostock.command("cluster", "invite", "--file", str(rostock.folder / "invitation.json")).strip()
    assert json.loads((rostock.folder / "invitation.json").read_text())["link"] == link
    assert "cluster confirm szczecin.localhost" in szczecin.command("cluster", "join", link)
    _until(lambda: "asking" in rostock.command("cluster", "list"))
    assert "ask to join: szczecin.localhost" in rostock.command("doctor")
    assert "Szczecin" in rostock.command("cluster", "confirm", "szczecin")
    _until(lambda: "in step (checked" in szczecin.command("cluster", "status"))
    assert "cluster leave" in szczecin.fault("cluster", "join", link)
    standing = json.loads(szczecin.command("cluster", "status", "--json"))
    assert standing["member"] is True
    (sister,) = standing["sisters"]
    assert (sister["name"], sister["compare_state"], sister["missing"]) == ("Rostock", "in_step", 0)
    assert "The sister rostock.localhost" in szczecin.command("doctor")
    szczecin.command("cluster", "leave")
    _until(lambda: "left" in rostock.command("cluster", "list"))


def test_a_newcomer_waits_with_a_file(pair: tuple[Instance, Instance], tmp_path: Path) -> None:
    rostock, szczecin = pair
    rostock.command("post", "Beitrag", "--lang", "de")
    file = tmp_path / "invitation.json"
    rostock.command("cluster", "invite", "--file", str(file))
    assert "exists already" in rostock.fault("cluster", "invite", "--file", str(file))
    with started(szczecin.file, "cluster", "join", str(file), "--wait", terminal=True) as joining:
        _until(lambda: "asking" in rostock.command("cluster", "list"))
        rostock.command("cluster", "confirm", "Szczecin")
        assert joining.process.wait(20) == 0
        _until(lambda: joining.lines[-1].startswith("Rostock"))
    assert "Confirmed: this instance is a member." in joining.lines
    assert any("Rostock" in line and "100%" in line for line in joining.lines), "the bar"
    assert joining.lines[-1].endswith(": 3 held, in step.")
    assert "not a member" not in rostock.command("cluster", "remove", "szczecin", "--yes")
    house = szczecin.house()
    _until(lambda: not house.db.read_now(is_member, house.at.host))
    house.db.close()


def test_what_a_database_lost_comes_back(pair: tuple[Instance, Instance]) -> None:
    rostock, szczecin = pair
    assert "no sisters" in szczecin.fault("cluster", "recover", "--yes")
    link = rostock.command("cluster", "invite").strip()
    szczecin.command("cluster", "join", link)
    _until(lambda: "asking" in rostock.command("cluster", "list"))
    rostock.command("cluster", "confirm", "szczecin")
    _until(lambda: "in step" in szczecin.command("cluster", "status"))
    assert "Nothing is missing here." in szczecin.command("cluster", "recover")
    uri = szczecin.command("post", "Wpis", "--lang", "pl").split()[-1]
    house = rostock.house()
    _until(lambda: house.db.read_now(_is_listed, uri))
    house.db.close()
    house = szczecin.house()
    house.db.write_now(_lose, uri)
    assert "In all: 1 posts" in szczecin.command("cluster", "recover", code=1)
    assert "--yes" in szczecin.fault("cluster", "recover")
    assert "Taken back: 1 posts" in szczecin.command("cluster", "recover", "--yes", "--from", "rostock")
    found = house.db.read_now(by_uri, uri)
    assert found is not None
    assert "Wpis" in found.content
    house.db.close()


def _is_listed(reader: Reader, uri: str) -> bool:
    row = held(reader, uri)
    return row is not None and row.listed


def _lose(unit: Unit, uri: str) -> None:
    for table in (metadata.tables["post"], metadata.tables["cluster_object"]):
        unit.connection.execute(delete(table).where(table.c.uri == uri))
    unit.connection.execute(update(metadata.tables["cluster_day"]).values(digest=None))


def test_outside_a_cluster_everything_says_so(instance: Instance) -> None:
    assert "in no cluster" in instance.command("cluster", "list")
    assert "in no cluster" in instance.fault("cluster", "status")
    assert json.loads(instance.command("cluster", "status", "--json"))["cluster"] is None
    assert "not a member" in instance.fault("cluster", "leave")
    assert "not known" in instance.fault("cluster", "confirm", "elblag")
    assert "not known" in instance.fault("cluster", "remove", "elblag")


def test_an_invitation_is_kept_in_the_data_folder(instance: Instance) -> None:
    link = instance.command("cluster", "invite").strip()
    (file,) = instance.folder.glob("invitation-*.json")
    assert json.loads(file.read_text())["link"] == link
    assert file.stat().st_mode & 0o777 == 0o600
    assert "own instance" in instance.fault("cluster", "join", str(file))
    assert "szczecin.example" in instance.command("cluster", "list")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "update this server"),
        ({"key": ""}, "not complete"),
        ({"actor": "https://other.example/actor"}, "another server"),
        ({"region": "https://other.example/actors/region"}, "another server"),
        ({"link": "https://rostock.example/else"}, "another server"),
        ({"expires": "soon"}, "when it ends"),
        ({"expires": "2020-01-01T00:00:00"}, "when it ends"),
        ({"expires": "2020-01-01T00:00:00Z"}, "ended"),
    ],
)
def test_what_is_no_invitation_is_refused(change: dict[str, object], why: str) -> None:
    good: dict[str, object] = {
        "format": 1,
        "link": "https://rostock.example/cluster/invitations/abc",
        "cluster": "urn:uuid:05e2329a-adc6-5bc3-9de6-85dfc768ad99",
        "actor": "https://rostock.example/actor",
        "region": "https://rostock.example/actors/region",
        "name": "Rostock",
        "key": "z6MkjQtGi9ipvqAfTL17uwTSRHYwBthPYb9vB3S7p7xsRdjN",
        "expires": "2999-01-01T00:00:00Z",
    }
    now = SystemClock().now()
    assert checked(good, now).host == "rostock.example"
    with pytest.raises(Invalid, match=why):
        checked(good | change, now)


def test_a_link_or_file_that_is_none(instance: Instance, tmp_path: Path) -> None:
    assert "neither a link nor a file" in instance.fault("cluster", "join", "missing.json")
    (tmp_path / "odd.json").write_text("[]")
    assert "not a JSON object" in instance.fault("cluster", "join", "odd.json")
    assert "cannot be reached" in instance.fault(
        "cluster", "join", "https://nowhere.invalid/cluster/invitations/x"
    )
