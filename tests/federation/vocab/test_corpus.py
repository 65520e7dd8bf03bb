"""Hundreds of documents by other implementations: how many can be used, and that none is lost silently."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Unreadable
from fedi_cluster.kernel.json import Json

# measured; what is not read lacks an http(s) id, an inbox, a user name, an actor or an object
FLOORS = {"actor": 29, "activity": 204, "object": 120, "collection": 55}

_READERS: dict[str, Callable[[Json], object]] = {
    "actor": parse.actor,
    "activity": parse.activity,
    "object": parse.obj,
    "collection": parse.collection,
}


@pytest.mark.shared
def test_the_corpus_is_read(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = shared / "data" / "corpus"
    readable: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    with (corpus / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t"))
    for row in rows:
        kind = row["kind"].split(":")[0]
        if kind not in _READERS:
            continue
        document = json.loads((corpus / row["file"]).read_text("utf-8"))
        read = parse.page if row["kind"].endswith("Page") and kind == "collection" else _READERS[kind]
        found = read(document)
        if isinstance(found, Unreadable):
            reasons[kind, found.reason] += 1
            _explained(document, found, row["file"])
        else:
            readable[kind] += 1
    with capsys.disabled():
        print(f"\ncorpus: readable {dict(readable)}")
        for (kind, reason), count in sorted(reasons.items()):
            print(f"corpus: {count:3} {kind} unreadable: {reason}")
    for kind, floor in FLOORS.items():
        assert readable[kind] >= floor, kind


def _explained(document: Json, found: Unreadable, file: str) -> None:
    """A refusal is for something that is truly not there, or not usable."""
    lacking = {
        "id": parse.identifier(document.get("id", document.get("@id"))) is None,
        "inbox": parse.reference(document.get("inbox")) is None,
        "preferredUsername": not isinstance(document.get("preferredUsername"), str),
        "actor": parse.reference(document.get("actor")) is None,
        "object": parse.reference(document.get("object")) is None,
        "type": not isinstance(document.get("type"), str | list),
    }
    named = [
        term for term, lacks in lacking.items() if term in found.reason.split() or f"{term}." in found.reason
    ]
    assert any(lacking[term] for term in named) or "type" in found.reason, (file, found)
