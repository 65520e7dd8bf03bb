"""One activity from town to town: each line of both logs names its request or job, and the activity."""

import logging
from collections.abc import Iterator, Mapping

import orjson
import pytest

from fedi_cluster.kernel.json import parse_object
from fedi_cluster.telemetry.logs import JsonLines
from tests.towns.looking import follow
from tests.towns.town import Towns

pytestmark = pytest.mark.anyio

Line = Mapping[str, object]


class _Kept(logging.Handler):
    """Lines as a program that collects logs reads them."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Formats at once, in the context of who logs."""
        self.lines.append(orjson.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    kept, logger = _Kept(), logging.getLogger("fedi_cluster")
    level = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    yield kept.lines
    logger.removeHandler(kept)
    logger.setLevel(level)


async def test_an_activity_can_be_followed_through_both_logs(towns: Towns, lines: list[Line]) -> None:
    here, there = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    ola = await here.person("ola")
    await follow(there, "mia", ola.uri)
    await towns.settle()
    towns.network.log.clear()
    lines.clear()
    post = await here.post("ola", "Tajne słowo: kalafior")
    await towns.settle()
    assert await there.find(post.uri) is not None

    (create,) = [
        document["id"]
        for sent in towns.network.sent_to("rostock.example", "POST")
        if (document := parse_object(sent.body))["type"] == "Create"
    ]
    (received,) = [line for line in lines if line.get("activity") == create and "request" in line]
    assert received["message"].startswith("POST /inbox answered 202 in ")  # type: ignore[attr-defined]
    (worked,) = [line for line in lines if line.get("activity") == create and "log" in line]
    assert worked["message"] == "Create is done"
    assert (worked["kind"], worked["host"]) == ("federation.process", "szczecin.example")
    assert isinstance(worked["job"], int)
    delivered = [line for line in lines if "delivery to rostock.example: 2xx" in str(line["message"])]
    assert delivered
    for line in delivered:
        assert (line["kind"], line["host"]) == ("federation.deliver", "rostock.example")
        assert isinstance(line["job"], int)
    assert all({"request", "job"} & line.keys() for line in lines), "a line that says not what it is about"
    assert "kalafior" not in str(lines)
