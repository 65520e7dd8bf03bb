"""Proofs inside documents, eddsa-jcs-2022 (FEP-8b32): made and checked; it fetches nothing, reads no HTTP.

An inner proof that fails means "fetch the object", never "refuse the activity": the caller decides.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import cast

import base58
import orjson
import rfc8785

from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey, decode_base58, is_signed
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.errors import Forbidden, Malformed, Unauthenticated
from fedi_cluster.kernel.json import Json

_TYPE = "DataIntegrityProof"
_SUITE = "eddsa-jcs-2022"
_PURPOSE = "assertionMethod"
_SAFE_INTEGER = 2**53 - 1
_LEAVES = frozenset((str, bool, type(None)))
_MAX_PROOF_VALUE = 100  # characters; 64 bytes need 87 or 88 and the `z`


def with_proof(document: Json, keys: PrivateKeys, created: datetime) -> Json:
    """The document with a proof by its owner as the last member; an older proof is replaced.

    `created` is aware and loses its fraction. The proof repeats `@context` in full, because one reader
    hashes the document's and one the proof's (golden rule 1). A Tombstone names no author, so there the
    caller answers for the keys. Raises `Malformed` for a document whose
    `@context` is not an array, `Forbidden` if the keys are not its owner's.
    """
    unsecured = _unsecured(document)
    context = unsecured.get("@context")
    if not isinstance(context, list) or not context:
        raise Malformed("A document is signed only with an array as @context.")
    if not _is_bare_tombstone(unsecured) and proof_owner(unsecured) != keys.actor_uri:
        raise Forbidden("A document is signed only by its owner.", detail=keys.actor_uri)
    options: Json = {
        "@context": [*context],  # its own list: whoever extends the document's must not reach this one
        "type": _TYPE,
        "cryptosuite": _SUITE,
        "created": to_wire(created),
        "verificationMethod": keys.ed25519_key_id,
        "proofPurpose": _PURPOSE,
    }
    made = keys.sign_ed25519(hash_data(options, unsecured))
    return unsecured | {"proof": options | {"proofValue": "z" + base58.b58encode(made).decode("ascii")}}


def verify_proof(document: Json, key: PublicKey, now: datetime, *, author: str | None = None) -> None:
    """Returns if the document's owner signed it with `key`; `now` (aware) decides on `expires`.

    The document is the whole one, or an embedded one with an `@context` of its own. `author` is only for
    a Tombstone, which names nobody: the URI of the actor who, by our own record, wrote what it replaces.
    Raises `Unauthenticated` with the reason (federation.md 2.10), `Malformed` for what cannot be hashed.
    """
    proof = _only_proof(document)
    if proof is None:
        raise Unauthenticated("The document has no proof.")
    if "@context" not in document:
        raise Unauthenticated("The document has no @context of its own, so its proof says nothing.")
    _check_options(proof, key, now)
    owner = author if author is not None and _is_bare_tombstone(document) else proof_owner(document)
    if owner != key.owner:
        raise Unauthenticated("The proof is not by the document's owner.")
    signature = _signature(proof)
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    unsecured = _unsecured(document)
    if "@context" in options:
        if not _starts_with(document["@context"], options["@context"]):
            raise Unauthenticated("The proof was made under another @context.")
        unsecured["@context"] = options["@context"]
        tries = [options]
    else:
        # Some writers hash the document's context without repeating it in the proof, some hash none.
        tries = [options | {"@context": document["@context"]}, options]
    if not any(is_signed(key, signature, hash_data(one, unsecured)) for one in tries):
        raise Unauthenticated("The proof does not fit the document.")


def proof_owner(document: Json) -> str:
    """The URI of the actor who must have made the proof.

    A document with `publicKey` owns itself (the `attributedTo` of a Group names its moderators); else
    its `actor`, else `attributedTo`, else its id (golden rule 5). Raises `Malformed` where that is not
    exactly one, and for an activity with a key: nobody could say whose it is.
    """
    if "publicKey" in document:
        if "actor" in document:
            raise Malformed("The document is both an actor and an activity.")
        return _only_id(document.get("id"))
    for name in ("actor", "attributedTo"):
        if document.get(name) is not None:
            return _only_id(document[name])
    return _only_id(document.get("id"))


def proof_key_id(document: Json) -> str | None:
    """The URI of the key that the proof names; None without proof; raises `Unauthenticated`."""
    proof = _only_proof(document)
    if proof is None:
        return None
    method = proof.get("verificationMethod")
    if not isinstance(method, str):
        raise Unauthenticated("The proof names no key.")
    return method


def canonical(value: object) -> bytes:
    """RFC 8785 form of a JSON value: sorted by UTF-16, ECMAScript numbers.

    What has neither numbers with a point nor keys beyond ASCII has the same form in a quicker writer, which
    refuses half characters as well.

    The library refuses integers beyond 2^53; JSON of the web reads them as the nearest double, so they
    are rounded here as every other implementation does. Raises `Malformed` for NaN, half characters and
    what nests too deeply.
    """
    if _is_plain(value):
        with suppress(orjson.JSONEncodeError):  # half a character, or many levels: the library says more
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    try:
        try:
            return rfc8785.dumps(value)  # type: ignore[arg-type]  # object: the library checks each value
        except rfc8785.IntegerDomainError:
            return rfc8785.dumps(_as_doubles(value))  # type: ignore[arg-type]
    except (ValueError, OverflowError, RecursionError) as error:
        raise Malformed("The document has no canonical form.", detail=str(error)[:200]) from error


def _is_plain(root: object) -> bool:
    containers = [root]
    for container in containers:
        if type(container) is dict:
            if not _are_ascii(container):
                return False
            inner: Iterable[object] = container.values()
        elif type(container) is list:
            inner = container
        else:
            return False
        for value in inner:
            kind = type(value)
            if kind is dict or kind is list:
                containers.append(value)
            elif kind is int:
                if abs(cast(int, value)) > _SAFE_INTEGER:
                    return False
            elif kind not in _LEAVES:
                return False
    return True


def _are_ascii(keys: Iterable[str]) -> bool:
    try:
        return "".join(keys).isascii()
    except TypeError:  # no keys of JSON
        return False


def hash_data(options: Json, unsecured: Json) -> bytes:
    """The 64 bytes that are signed: SHA-256 of the proof's options, then of the document."""
    return sha256(canonical(options)).digest() + sha256(canonical(unsecured)).digest()


def _unsecured(document: Json) -> Json:
    return {name: value for name, value in document.items() if name not in ("proof", "signature")}


def _is_bare_tombstone(document: Json) -> bool:
    named = document.keys() & {"actor", "attributedTo", "publicKey"}
    return document.get("type") == "Tombstone" and not named


def _only_proof(document: Json) -> Json | None:
    proof = document.get("proof")
    if proof is None:
        return None
    if not isinstance(proof, dict):
        raise Unauthenticated("The document must have exactly one proof.")
    return proof


def _check_options(proof: Json, key: PublicKey, now: datetime) -> None:
    if proof.get("type") != _TYPE or proof.get("cryptosuite") != _SUITE:
        raise Unauthenticated(f"The proof is not a {_TYPE} with {_SUITE}.")
    if proof.get("proofPurpose") != _PURPOSE:
        raise Unauthenticated(f"The proof's purpose is not {_PURPOSE}.")
    if proof.get("verificationMethod") != key.id:
        raise Unauthenticated("The proof names another key.")
    if key.kind != "ed25519":
        raise Unauthenticated("The proof's key is not an Ed25519 key.")
    if "expires" in proof and _moment(proof["expires"]) <= now:
        raise Unauthenticated("The proof has expired.")


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Unauthenticated("The proof's expiry cannot be read.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _signature(proof: Json) -> bytes:
    text = proof.get("proofValue")
    if not isinstance(text, str) or len(text) > _MAX_PROOF_VALUE:
        raise Unauthenticated("The proof holds no signature.")
    try:
        return decode_base58(text)
    except Malformed as error:
        raise Unauthenticated("The proof holds no signature.") from error


def _starts_with(whole: object, start: object) -> bool:
    # Compared in canonical form: Python takes 1, 1.0 and True for the same value.
    whole_list = whole if isinstance(whole, list) else [whole]
    start_list = start if isinstance(start, list) else [start]
    first = whole_list[: len(start_list)]
    return bool(start_list) and (
        _is_written_alike(first, start_list) or canonical(first) == canonical(start_list)
    )


def _is_written_alike(one: object, other: object) -> bool:
    """As nearly always, and for a tenth of what the canonical form costs."""
    try:
        return orjson.dumps(one) == orjson.dumps(other)
    except orjson.JSONEncodeError:  # half a character
        return False


def _only_id(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("id")
    if not isinstance(value, str) or not value:
        raise Malformed("The document does not name exactly one owner.")
    return value


def _as_doubles(value: object) -> object:
    if isinstance(value, dict):
        return {name: _as_doubles(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_doubles(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return float(value)
    return value
