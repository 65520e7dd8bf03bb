"""Keys: what is read, what is refused, what is never shown."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fedi_cluster.federation.signatures import keys
from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey, public_object
from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.json import Json

SPKI = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def rsa_key(material: str) -> PublicKey:
    return PublicKey("https://a.example/b#main-key", "https://a.example/b", "rsa", material)


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    width = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 128 else bytes([0x80 | width]) + size.to_bytes(width, "big")
    return bytes([tag]) + length + content


def pkcs1_pem(modulus: int, exponent: int) -> str:
    numbers = b"".join(der(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (modulus, exponent))
    text = base64.encodebytes(der(0x30, numbers)).decode()
    return f"-----BEGIN RSA PUBLIC KEY-----\n{text}-----END RSA PUBLIC KEY-----\n"


def test_a_fresh_pair_signs_and_its_public_keys_verify(ala: PrivateKeys) -> None:
    main, second = ala.public_keys()
    assert (main.id, second.id) == (f"{ala.actor_uri}#main-key", f"{ala.actor_uri}#ed25519-key")
    assert main.material.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert second.material.startswith("z6Mk")
    assert keys.is_signed(main, ala.sign_rsa(b"text"), b"text")
    assert keys.is_signed(second, ala.sign_ed25519(b"text"), b"text")
    assert not keys.is_signed(main, ala.sign_rsa(b"text"), b"Text")
    assert not keys.is_signed(second, ala.sign_rsa(b"text"), b"text")


def test_private_keys_are_not_shown(ala: PrivateKeys) -> None:
    assert "PRIVATE" not in repr(ala)


def test_a_key_is_parsed_once(ala: PrivateKeys) -> None:
    main, second = ala.public_keys()
    assert public_object(main) is public_object(main)
    assert public_object(second) is public_object(second)
    assert keys._loaded_rsa(ala.rsa_pem) is keys._loaded_rsa(ala.rsa_pem)


@pytest.mark.parametrize("bits", [1024, 16384])
def test_rsa_keys_of_wrong_length_are_refused(bits: int) -> None:
    with pytest.raises(Unauthenticated, match=f"it has {bits}"):
        public_object(rsa_key(pkcs1_pem(2 ** (bits - 1) + 1, 65537)))


@pytest.mark.parametrize("exponent", [1, 2, 2**33 + 1, 2**2000 + 1, 2**4096])
def test_unsound_exponents_are_refused(exponent: int) -> None:
    with pytest.raises(Unauthenticated):
        public_object(rsa_key(pkcs1_pem(2**2047 + 1, exponent)))


def test_an_even_modulus_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        public_object(rsa_key(pkcs1_pem(2**2047 + 2, 65537)))


def test_what_is_no_rsa_public_key_is_refused(ala: PrivateKeys) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*SPKI).decode()
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for material in (ala.rsa_pem, ala.ed25519_pem, curve, "", "garbage", "ż", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            public_object(rsa_key(material))
    with pytest.raises(Unauthenticated, match="2048"):
        public_object(rsa_key(small.public_key().public_bytes(*SPKI).decode()))


@pytest.mark.parametrize("text", ["", "z", "z0OIl", "m" * 48, "z6Mk", "z" + "1" * 5_000, "zż"])
def test_what_is_no_multikey_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        keys.decode_multibase(text)
    with pytest.raises(Unauthenticated):
        public_object(PublicKey("https://a.example/b#k", "https://a.example/b", "ed25519", text))


def test_multibase_both_ways() -> None:
    raw = bytes(range(32))
    assert keys.decode_multibase(keys.encode_multibase(raw)) == raw


@pytest.mark.shared
def test_golden_public_keys(read: Callable[[str], Json], golden_pairs: dict[str, PrivateKeys]) -> None:
    listed = read("design/golden/test-keys.json")["keys"]
    assert isinstance(listed, list)
    for key in listed:
        main, second = golden_pairs[key["actor"]].public_keys()
        assert (main.id, main.material) == (key["rsaKeyId"], key["rsaPublicKeyPem"])
        assert (second.id, second.material) == (key["ed25519KeyId"], key["publicKeyMultibase"])


@pytest.mark.shared
def test_multikeys_of_fep_521a(read: Callable[[str], Json]) -> None:
    rows = read("data/vectors/eddsa-jcs-2022.json")["fep_521a_multikey"]
    assert isinstance(rows, list)
    for row in rows:
        multikey = row["multikey"]
        key = keys.key_of_multikey(multikey["id"], multikey["controller"], multikey["publicKeyMultibase"])
        parsed = public_object(key)
        if isinstance(parsed, rsa.RSAPublicKey):
            form = (serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
            assert parsed.public_bytes(*form).hex() == row["rsa_pkcs1_der_hex"]
        else:
            assert bytes(parsed).hex() == row["ed25519_public_hex"]


def test_a_signature_has_its_64_bytes_and_takes_none_of_the_message(ala: PrivateKeys) -> None:
    _, key = ala.public_keys()
    made = ala.sign_ed25519(b"a message")
    assert keys.is_signed(key, made, b"a message")
    assert not keys.is_signed(key, made + b"a", b" message")
    assert not keys.is_signed(key, made[:63], made[63:] + b"a message")
    assert not keys.is_signed(key, b"", b"a message")


def test_nobody_signs_for_a_key_of_small_order() -> None:
    identity = (1).to_bytes(32, "little")
    key = PublicKey(
        "https://a.example/b#k", "https://a.example/b", "ed25519", keys.encode_multibase(identity)
    )
    assert not keys.is_signed(key, identity + bytes(32), b"a message")
