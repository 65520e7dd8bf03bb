"""Collections and the member list that sisters send (golden documents); one bad entry refuses the list."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import (
    CollectionDocument,
    CollectionPage,
    Member,
    MemberList,
    Unreadable,
)
from fedi_cluster.kernel.json import Json, parse_object

pytestmark = pytest.mark.shared

SZ = "https://szczecin.example"
RO = "https://rostock.example"


def golden(shared: Path, name: str) -> Json:
    return parse_object((shared / "design" / "golden" / f"{name}.json").read_bytes())


def at(hour: int, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_collections(shared: Path) -> None:
    outbox = SZ + "/actors/atelier/outbox"
    assert parse.collection(golden(shared, "collection-outbox")) == CollectionDocument(
        outbox, "OrderedCollection", 1, outbox + "?page=true"
    )
    replies = parse.collection(golden(shared, "collection-replies"))
    assert isinstance(replies, CollectionDocument)
    assert isinstance(replies.first, CollectionPage)
    assert replies.first.items == (
        SZ + "/objects/117665169473586791",
        SZ + "/objects/117670359924757132",
    )
    document = golden(shared, "collection-outbox-page")
    page = parse.page(document)
    assert isinstance(page, CollectionPage)
    assert page.part_of == outbox
    assert list(page.items) == document["orderedItems"]


def test_the_member_list(shared: Path) -> None:
    found = parse.member_list(golden(shared, "cluster-members"))
    assert isinstance(found, MemberList)
    assert (found.id, found.attributed_to) == (SZ + "/cluster/members", SZ + "/actor")
    assert (found.format, found.version, found.updated) == (1, 5, at(8))
    assert found.cluster == "urn:uuid:05e2329a-adc6-5bc3-9de6-85dfc768ad99"
    assert [member.actor.split("/")[2].split(".")[0] for member in found.items] == [
        "karlshamn",
        "rietavas",
        "rostock",
        "szczecin",
    ]
    assert found.items[2] == Member(
        RO + "/actor",
        RO + "/actors/region",
        "Rostock",
        "z6MkjQtGi9ipvqAfTL17uwTSRHYwBthPYb9vB3S7p7xsRdjN",
        "member",
        SZ + "/actor",
        at(8, day=10),
        at(8, day=10),
    )


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("creative:key", "z6Mk"),
        ("creative:state", "guest"),
        ("creative:confirmedBy", None),
        ("updated", "soon"),
        ("subject", "https://evil@rostock.example/actor"),
        ("subject", "https://karlshamn.example/actor"),
        ("object", "urn:uuid:00000000-0000-0000-0000-000000000000"),
        ("name", None),
    ],
)
def test_one_bad_entry_refuses_the_member_list(shared: Path, term: str, value: object) -> None:
    document = golden(shared, "cluster-members")
    cast(list[Json], document["items"])[2][term] = value
    assert isinstance(parse.member_list(document), Unreadable)


@pytest.mark.parametrize(
    ("term", "value"),
    [("creative:format", 2), ("creative:version", 0), ("updated", None), ("items", []), ("type", "Note")],
)
def test_a_member_list_that_is_not_ours_to_read(shared: Path, term: str, value: object) -> None:
    assert isinstance(
        parse.member_list({**golden(shared, "cluster-members"), term: value}),
        Unreadable,
    )
