"""Digests are the golden documents byte for byte, built from rows: what lies in a day, a month and in all."""

from typing import Any

import pytest

from fedi_cluster.community.regions import digests, periods
from fedi_cluster.community.regions.shapes import Listed, Part, Period
from fedi_cluster.federation.render import cluster
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.digests import DigestDocument
from fedi_cluster.kernel.json import dumps
from tests.federation.render.golden_shapes import SZCZECIN, Golden, moment

pytestmark = pytest.mark.shared


def listed(item: Any) -> Listed:
    published = moment(item["published"])
    if item["type"] == "Tombstone":
        return Listed(item["id"], item["formerType"], published, moment(item["deleted"]), deleted=True)
    version = moment(item["updated"]) if "updated" in item else published
    return Listed(item["id"], item["type"], published, version)


def day_of(golden: Golden, name: str) -> Period:
    rows = [listed(item) for item in reversed(golden.read(name)["orderedItems"])]
    return digests.of_rows(periods.day_of(rows[0].published_at), rows)


def is_golden(golden: Golden, period: Period, name: str) -> None:
    expected = golden.read(name)
    actor = SZCZECIN.instance_actor
    made = cluster.digest(SZCZECIN.digest, period, actor, actor, moment(expected["updated"]))
    assert dumps(golden.sign(made, expected)) == dumps(expected)


@pytest.mark.parametrize("name", ["cluster-digest-day", "cluster-digest-day-actors"])
def test_days(golden: Golden, name: str) -> None:
    is_golden(golden, day_of(golden, name), name)


def test_month_and_root(golden: Golden) -> None:
    second = golden.read("cluster-digest-month")["orderedItems"][1]
    days = [
        Part(period.name, len(period.rows), period.digest)
        for period in (day_of(golden, "cluster-digest-day-actors"), day_of(golden, "cluster-digest-day"))
    ]
    days.insert(1, Part("2026-11-02", second["totalItems"], second["creative:digest"]))
    month = Period("2026-11", periods.digest_of_parts(SZCZECIN.digest, days), parts=tuple(days))
    is_golden(golden, month, "cluster-digest-month")
    months = [Part("2026-11", len(days), month.digest)]
    root = Period("", periods.digest_of_parts(SZCZECIN.digest, months), parts=tuple(months))
    is_golden(golden, root, "cluster-digest")


@pytest.mark.parametrize("name", ["cluster-digest", "cluster-digest-month"])
def test_periods_are_read_back(golden: Golden, name: str) -> None:
    expected = golden.read(name)
    found = parse.digest(expected)
    assert isinstance(found, DigestDocument)
    assert (found.digest, found.attributed_to) == (expected["creative:digest"], SZCZECIN.instance_actor)
    assert [(part.id, part.total, part.digest) for part in found.parts] == [
        (item["id"], item["totalItems"], item["creative:digest"]) for item in expected["orderedItems"]
    ]


@pytest.mark.parametrize("name", ["cluster-digest-day", "cluster-digest-day-actors"])
def test_rows_are_read_back(golden: Golden, name: str) -> None:
    expected = golden.read(name)
    found = parse.digest(expected)
    assert isinstance(found, DigestDocument)
    assert [Listed(row.id, row.type, row.published, row.version, row.deleted) for row in found.rows] == [
        listed(item) for item in expected["orderedItems"]
    ]
