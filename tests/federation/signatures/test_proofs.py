"""Proofs in documents: vectors, golden documents, and everything that must not pass."""

import copy
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import base58
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.federation.signatures import proofs
from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey, decode_base58, is_signed
from fedi_cluster.federation.signatures.proofs import (
    canonical,
    proof_key_id,
    proof_owner,
    verify_proof,
    with_proof,
)
from fedi_cluster.kernel.errors import ClusterError, Forbidden, Malformed, Unauthenticated
from fedi_cluster.kernel.json import Json, parse_object

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Read = Callable[[str], Json]


def a_note(ala: PrivateKeys) -> Json:
    return {
        "@context": ["https://www.w3.org/ns/activitystreams", {"sensitive": "as:sensitive"}],
        "id": "https://szczecin.example/objects/1",
        "type": "Note",
        "attributedTo": ala.actor_uri,
        "content": "Zażółć gęślą jaźń",
        "sensitive": True,
    }


@pytest.mark.shared
def test_golden_documents_verify_and_are_signed_again_byte_for_byte(
    shared: Path, golden_pairs: dict[str, PrivateKeys]
) -> None:
    seen = 0

    def check(document: Json) -> None:
        nonlocal seen
        for value in document.values():
            if isinstance(value, dict) and "@context" in value:
                check(value)
        if "proof" not in document:
            return
        seen += 1
        tombstone = document["type"] == "Tombstone"
        owner = "https://szczecin.example/actors/atelier" if tombstone else proof_owner(document)
        pair = golden_pairs[owner]
        key = pair.public_keys()[1]
        assert proof_key_id(document) == key.id
        verify_proof(document, key, NOW, author=owner if tombstone else None)
        proof = document["proof"]
        assert isinstance(proof, dict)
        bare = {name: value for name, value in document.items() if name != "proof"}
        again = with_proof(bare, pair, datetime.fromisoformat(proof["created"]))
        assert json.dumps(again) == json.dumps(document)

    for path in sorted((shared / "design" / "golden").glob("*.json")):
        document = parse_object(path.read_bytes())
        check(document)
    assert seen >= 59


@pytest.mark.shared
def test_vectors_of_eddsa_jcs_2022(read: Read) -> None:
    rows = read("data/vectors/eddsa-jcs-2022.json")["vectors"]
    assert isinstance(rows, list)
    refused = []
    for row in rows:
        document, proof = row["signed_document"], row["signed_document"]["proof"]
        options = {name: value for name, value in proof.items() if name != "proofValue"}
        unsecured = {name: value for name, value in document.items() if name != "proof"}
        assert canonical(options).decode() == row["canonical_proof_config"]
        assert canonical(unsecured).decode() == row["canonical_document"]
        data = proofs.hash_data(options, unsecured)
        assert data.hex() == row["sha256_proof_config"] + row["sha256_document"]
        assert decode_base58(proof["proofValue"]).hex() == row["signature_hex"]
        owner = document.get("actor") or document.get("attributedTo") or document.get("id", "")
        key = PublicKey(proof["verificationMethod"], owner, "ed25519", row["public_key_multibase"])
        if "purpose" not in row["id"]:
            assert is_signed(key, decode_base58(proof["proofValue"]), data) == (row["expect"] == "valid")
        try:
            verify_proof(document, key, NOW)
        except ClusterError:
            refused.append(row["id"])
    assert refused == [
        "FEP-c390 identity proof",  # no @context: not a document of ours (federation.md 2.10)
        "mastodon proof with expires=2023-02-24T23:36:39Z",
        "NEGATIVE tampered content",
        "NEGATIVE wrong proofPurpose",
    ]


@pytest.mark.shared
def test_vectors_of_rfc_8785(read: Read) -> None:
    vectors = read("data/vectors/jcs-rfc8785.json")
    documents, numbers = vectors["documents"], vectors["numbers"]
    assert isinstance(documents, list)
    assert isinstance(numbers, list)
    for row in documents:
        assert canonical(json.loads(row["input_text"])).hex() == row["expected_utf8_hex"]
    for row in numbers:
        (number,) = struct.unpack(">d", bytes.fromhex(row["ieee754_hex"]))
        assert canonical(number).decode() == row["expected"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\ud800": 1}, {1: 2}, object()])
def test_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(Malformed):
        canonical(value)


def test_nesting_and_large_integers() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Malformed):
        canonical(deep)
    assert canonical([2**53, -(2**53) - 1, 2**63 - 1, True, 10**15]) == (
        b"[9007199254740992,-9007199254740992,9223372036854776000,true,1000000000000000]"
    )
    with pytest.raises(Malformed):
        canonical(10**400)


def test_round_trip(ala: PrivateKeys) -> None:
    key = ala.public_keys()[1]
    note = a_note(ala)
    signed = with_proof(note, ala, NOW.replace(microsecond=5))
    assert "proof" not in note
    assert list(signed)[-1] == "proof"
    verify_proof(signed, key, NOW)
    assert with_proof(signed | {"signature": {"type": "RsaSignature2017"}}, ala, NOW) == signed
    verify_proof(signed | {"signature": {"type": "RsaSignature2017"}}, key, NOW)
    longer = copy.deepcopy(signed)
    longer["@context"].append({"x": "y"})  # type: ignore[attr-defined]
    verify_proof(longer, key, NOW)


def test_a_proof_without_context_is_tried_both_ways(ala: PrivateKeys) -> None:
    key, note = ala.public_keys()[1], a_note(ala)
    options: Json = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": key.id,
        "proofPurpose": "assertionMethod",
    }
    for hashed in (options, options | {"@context": note["@context"]}):
        made = ala.sign_ed25519(proofs.hash_data(hashed, note))
        value = "z" + base58.b58encode(made).decode()
        verify_proof(note | {"proof": options | {"proofValue": value}}, key, NOW)


def changed(signed: Json, **members: object) -> Json:
    proof = signed["proof"]
    assert isinstance(proof, dict)
    return signed | {"proof": proof | members}


def test_what_is_refused(ala: PrivateKeys) -> None:
    main, key = ala.public_keys()
    signed = with_proof(a_note(ala), ala, NOW)
    proof = signed["proof"]
    assert isinstance(proof, dict)
    no_context = {name: value for name, value in signed.items() if name != "@context"}
    wrong: list[Json] = [
        a_note(ala),
        no_context,
        signed | {"proof": [proof]},
        signed | {"proof": "x"},
        signed | {"content": "other"},
        signed | {"attributedTo": "https://szczecin.example/actors/ben"},
        signed | {"actor": "https://szczecin.example/actors/ben"},
        signed | {"publicKey": {}},
        signed | {"@context": "https://www.w3.org/ns/activitystreams"},
        changed(signed, type="Ed25519Signature2020"),
        changed(signed, cryptosuite="eddsa-rdfc-2022"),
        changed(signed, proofPurpose="authentication"),
        changed(signed, verificationMethod=main.id),
        changed(signed, verificationMethod=None),
        changed(signed, expires="2026-11-23T11:59:59Z"),
        changed(signed, expires="3000-01-01T00:00:00Z"),
        changed(signed, expires="soon"),
        changed(signed, expires=5),
        changed(signed, created="2026-11-23T12:00:01Z"),
        changed(signed, proofValue="z" + "1" * 64),
        changed(signed, proofValue="z0"),
        changed(signed, proofValue=None),
        changed(signed, proofValue="z" * 500),
        changed(signed, proofValue=f"{proof['proofValue']} "),
        changed(signed, proofValue=f"{proof['proofValue']}\n"),
        changed(signed, proofValue=f"z {str(proof['proofValue'])[1:]}"),
    ]
    wrong.append(changed(signed, **{"@context": []}))
    wrong.append(changed(signed, **{"@context": ["https://example.com/other"]}))
    for document in wrong:
        with pytest.raises((Unauthenticated, Malformed)):
            verify_proof(document, key, NOW)
    for other in (main, PublicKey(key.id, "https://szczecin.example/actors/ben", "ed25519", key.material)):
        with pytest.raises(Unauthenticated):
            verify_proof(signed, other, NOW)


def test_true_is_not_one_in_a_context(ala: PrivateKeys) -> None:
    note = a_note(ala) | {"@context": [{"@protected": True}]}
    signed = with_proof(note, ala, NOW)
    with pytest.raises(Unauthenticated):
        verify_proof(signed | {"@context": [{"@protected": 1}]}, ala.public_keys()[1], NOW)


def test_a_tombstone_is_its_authors(ala: PrivateKeys) -> None:
    key = ala.public_keys()[1]
    bare: Json = {"@context": ["x"], "id": "https://szczecin.example/objects/1", "type": "Tombstone"}
    signed = with_proof(bare, ala, NOW)
    verify_proof(signed, key, NOW, author=ala.actor_uri)
    for author in (None, "https://szczecin.example/actors/ben"):
        with pytest.raises(Unauthenticated):
            verify_proof(signed, key, NOW, author=author)
    note = with_proof(a_note(ala), ala, NOW)
    ben = PublicKey(key.id, "https://szczecin.example/actors/ben", "ed25519", key.material)
    with pytest.raises(Unauthenticated):  # who is no Tombstone speaks for itself
        verify_proof(note, ben, NOW, author=ben.owner)


def test_only_the_owner_signs(ala: PrivateKeys) -> None:
    with pytest.raises(Forbidden):
        with_proof(a_note(ala) | {"attributedTo": "https://szczecin.example/actors/ben"}, ala, NOW)
    with pytest.raises(Malformed):
        with_proof(a_note(ala) | {"@context": "https://www.w3.org/ns/activitystreams"}, ala, NOW)
    with pytest.raises(Malformed):
        with_proof(a_note(ala) | {"@context": []}, ala, NOW)


@pytest.mark.parametrize(
    ("document", "owner"),
    [
        ({"id": "i", "actor": "a", "attributedTo": "b"}, "a"),
        ({"id": "i", "actor": {"id": "a"}}, "a"),
        ({"id": "i", "attributedTo": ["b"]}, "b"),
        ({"id": "i", "actor": None}, "i"),
        ({"id": "i", "publicKey": {}, "attributedTo": "b"}, "i"),
    ],
)
def test_the_owner(document: Json, owner: str) -> None:
    assert proof_owner(document) == owner


@pytest.mark.parametrize(
    "document",
    [{}, {"actor": []}, {"attributedTo": ["a", "b"]}, {"id": "i", "publicKey": {}, "actor": "a"}, {"id": 5}],
)
def test_no_single_owner(document: Json) -> None:
    with pytest.raises(Malformed):
        proof_owner(document)


LETTERS = st.characters(exclude_categories=["Cs"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | FLOATS | st.text(LETTERS, max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_canonical_form_is_stable(value: object) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text


@settings(deadline=None)
@given(content=JSON, proof=JSON)
def test_a_random_proof_is_refused_calmly(content: object, proof: object, ala: PrivateKeys) -> None:
    document: Json = {"@context": ["x"], "id": ala.actor_uri, "content": content, "proof": proof}
    with pytest.raises(ClusterError):
        verify_proof(document, ala.public_keys()[1], NOW)
    signed = with_proof({"@context": ["x"], "id": ala.actor_uri, "content": content}, ala, NOW)
    verify_proof(parse_object(json.dumps(signed).encode()), ala.public_keys()[1], NOW)
