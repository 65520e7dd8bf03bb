"""Public keys of strangers and pairs of our own actors; it neither fetches nor stores them.

A key is parsed once: reading a private RSA key costs about a hundred times as much as signing with it. Proofs
by Ed25519 are checked by libsodium, which takes half as long as OpenSSL and lets other threads run meanwhile.
"""

from dataclasses import dataclass, field
from typing import Literal

import base58
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.lru import remembered

Kind = Literal["rsa", "ed25519"]

RSA_BITS = 2048  # what other servers generate; longer keys do not fit the key columns of some
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**32  # a huge exponent would make each verification slow
MAX_MATERIAL = 8_000  # characters; a key of 8192 bits needs 1,500
_USUAL_PEM = 1_700  # longer ones hold more than a key, and are not kept
MAX_MULTIBASE = 2_000  # characters; base58 takes quadratic time

_PKCS1, _SHA256 = padding.PKCS1v15(), SHA256()
_ED25519_BYTES = 64
_ED25519_CODE = b"\xed\x01"
_RSA_CODE = b"\x85\x24"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as its owner publishes it.

    `id` is its URI (`…#main-key`), `owner` the actor's URI; `material` is PEM for RSA (SPKI or PKCS#1)
    and the multibase text (`z6Mk…`) for Ed25519. Who makes one has checked that owner and key name each
    other (federation.md 2.4, 9).
    """

    id: str
    owner: str
    kind: Kind
    material: str


@dataclass(frozen=True, slots=True)
class PrivateKeys:
    """The pair of one of our own actors: both keys as unencrypted PKCS#8 PEM, never shown by `repr`."""

    actor_uri: str
    rsa_pem: str = field(repr=False)
    ed25519_pem: str = field(repr=False)

    @property
    def main_key_id(self) -> str:
        """The id of the RSA key; others cut at `#` to find the actor, so it must hold one."""
        return f"{self.actor_uri}#main-key"

    @property
    def ed25519_key_id(self) -> str:
        """The id of the Ed25519 key, listed in `assertionMethod`."""
        return f"{self.actor_uri}#ed25519-key"

    def public_keys(self) -> tuple[PublicKey, PublicKey]:
        """The RSA and the Ed25519 key as others see them."""
        return (
            PublicKey(self.main_key_id, self.actor_uri, "rsa", public_pem(self.rsa_pem)),
            PublicKey(self.ed25519_key_id, self.actor_uri, "ed25519", multibase_of(self.ed25519_pem)),
        )

    def sign_rsa(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256 over the message."""
        return _loaded_rsa(self.rsa_pem).sign(message, _PKCS1, _SHA256)

    def sign_ed25519(self, message: bytes) -> bytes:
        """The 64 bytes of Ed25519 over the message; the same message gives the same bytes."""
        return _loaded_ed25519(self.ed25519_pem).sign(message)


def generate_pair() -> tuple[str, str]:
    """A fresh RSA-2048 and a fresh Ed25519 private key, both as unencrypted PKCS#8 PEM."""
    return (
        _private_pem(generate_private_key(public_exponent=65537, key_size=RSA_BITS)),
        _private_pem(Ed25519PrivateKey.generate()),
    )


def ed25519_pem_of(seed: bytes) -> str:
    """The PKCS#8 PEM of the Ed25519 key with this seed of 32 bytes (RFC 8032)."""
    return _private_pem(Ed25519PrivateKey.from_private_bytes(seed))


def public_pem(rsa_private_pem: str) -> str:
    """The SPKI PEM (`BEGIN PUBLIC KEY`) of our own RSA key: the only form that all servers read."""
    return _spki_pem(_loaded_rsa(rsa_private_pem).public_key())


def multibase_of(ed25519_private_pem: str) -> str:
    """The `publicKeyMultibase` (`z6Mk…`) of our own Ed25519 key."""
    return encode_multibase(_loaded_ed25519(ed25519_private_pem).public_key().public_bytes_raw())


def encode_multibase(raw: bytes) -> str:
    """The 32 bytes of an Ed25519 public key as multibase base58btc with its multicodec (FEP-521a)."""
    return "z" + base58.b58encode(_ED25519_CODE + raw).decode("ascii")


def decode_multibase(text: str) -> bytes:
    """The 32 bytes of the Ed25519 public key in a `publicKeyMultibase`; raises `Malformed`."""
    decoded = decode_base58(text)
    if decoded[:2] != _ED25519_CODE or len(decoded) != 34:
        raise Malformed("The key is not an Ed25519 Multikey.")
    return decoded[2:]


def decode_base58(text: str) -> bytes:
    """The bytes of a multibase text in base58btc (`z…`, at most 2,000 characters); raises `Malformed`."""
    if not text.startswith("z") or len(text) > MAX_MULTIBASE or not text.isascii():
        raise Malformed("The value is not multibase base58btc.")
    if text != text.rstrip():  # the reader would pass over blanks; every other spelling has bytes of its own
        raise Malformed("The value is not multibase base58btc.", detail="not the canonical form")
    try:
        number = base58.b58decode_int(text[1:])
    except ValueError as error:
        raise Malformed("The value is not multibase base58btc.") from error
    # As the library does, but the bytes of a number come from the interpreter, not from a loop.
    zeros = len(text) - 1 - len(text[1:].lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def key_of_multikey(key_id: str, owner: str, multibase: str) -> PublicKey:
    """The key in a Multikey of FEP-521a, Ed25519 or RSA (then turned into PEM).

    Raises `Malformed` for another kind, `Unauthenticated` for an RSA key that we do not trust.
    """
    decoded = decode_base58(multibase)
    if decoded[:2] != _RSA_CODE:
        decode_multibase(multibase)
        return PublicKey(key_id, owner, "ed25519", multibase)
    try:
        parsed = serialization.load_der_public_key(decoded[2:])
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Malformed("The Multikey holds no readable key.") from error
    return PublicKey(key_id, owner, "rsa", _spki_pem(_trusted_rsa(parsed)))


def public_object(key: PublicKey) -> RSAPublicKey | VerifyKey:
    """The parsed key, from a cache of 2,048.

    Raises `Unauthenticated` for what is no public key of the named kind, and for RSA below 2048 or over
    8192 bits or with an odd exponent or modulus.
    """
    if key.kind == "rsa":
        return (_parsed_rsa if len(key.material) <= _USUAL_PEM else _read_rsa)(key.material)
    return _parsed_ed25519(key.material)


def is_signed(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Did this key make this signature over this message? Raises `Unauthenticated` as `public_object`."""
    parsed = public_object(key)
    try:
        if isinstance(parsed, RSAPublicKey):
            parsed.verify(signature, message, _PKCS1, _SHA256)
        elif len(signature) == _ED25519_BYTES:
            parsed.verify(message, signature)
        else:
            return False
    except (InvalidSignature, BadSignatureError):
        return False
    return True


def _read_rsa(pem: str) -> RSAPublicKey:
    if len(pem) > MAX_MATERIAL:
        raise Unauthenticated("The signing key is too long.")
    try:
        parsed = serialization.load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unauthenticated("The signing key cannot be read.", detail=str(error)[:200]) from error
    return _trusted_rsa(parsed)


_parsed_rsa = remembered(2_048, each=3_000)(_read_rsa)


def _trusted_rsa(parsed: object) -> RSAPublicKey:
    if not isinstance(parsed, RSAPublicKey):
        raise Unauthenticated("The signing key is not an RSA key.")
    if not MIN_RSA_BITS <= parsed.key_size <= MAX_RSA_BITS:
        raise Unauthenticated(
            f"The signing key must have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, it has {parsed.key_size}."
        )
    numbers = parsed.public_numbers()
    if not 3 <= numbers.e <= MAX_RSA_EXPONENT or numbers.e % 2 == 0 or numbers.n % 2 == 0:
        raise Unauthenticated("The signing key is not a sound RSA key.")
    return parsed


@remembered(2_048, each=700)
def _parsed_ed25519(multibase: str) -> VerifyKey:
    try:
        return VerifyKey(decode_multibase(multibase))
    except Malformed as error:
        raise Unauthenticated("The signing key cannot be read.", detail=str(error)[:200]) from error


@remembered(1_024, each=11_000)
def _loaded_rsa(pem: str) -> RSAPrivateKey:
    # The check of primes that is skipped takes 36 ms; these keys are of our own making.
    loaded = serialization.load_pem_private_key(
        pem.encode("ascii"), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(loaded, RSAPrivateKey):
        raise Malformed("Our own key is not an RSA key.")
    return loaded


@remembered(1_024, each=800)
def _loaded_ed25519(pem: str) -> Ed25519PrivateKey:
    loaded = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise Malformed("Our own key is not an Ed25519 key.")
    return loaded


def _private_pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _spki_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")
