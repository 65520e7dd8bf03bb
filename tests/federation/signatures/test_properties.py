"""Properties of both forms: what was signed verifies, a flipped bit does not, no text upsets the reader."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.federation.signatures.cavage import read_claim
from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey
from fedi_cluster.federation.signatures.proofs import canonical
from fedi_cluster.federation.signatures.sign import sign_cavage, sign_rfc9421
from fedi_cluster.federation.signatures.verify import RequestFacts, claimed_key_id, verified_sender
from fedi_cluster.kernel.errors import ClusterError

NOW = datetime(2026, 11, 3, 9, 0, 5, tzinfo=UTC)
BODY = b'{"type":"Follow"}'
BASE = "https://rostock.example"
Sign = Callable[[str, str, bytes | None, PrivateKeys, datetime], dict[str, str]]


def rsa_9421(method: str, url: str, body: bytes | None, keys: PrivateKeys, now: datetime) -> dict[str, str]:
    return sign_rfc9421(method, url, body, keys, now, use="rsa")


def ed_9421(method: str, url: str, body: bytes | None, keys: PrivateKeys, now: datetime) -> dict[str, str]:
    return sign_rfc9421(method, url, body, keys, now, use="ed25519")


FORMS: list[Sign] = [sign_cavage, rsa_9421, ed_9421]


def key_for(keys: PrivateKeys, form: Sign) -> PublicKey:
    return keys.public_keys()[form is ed_9421]


PATHS = st.from_regex(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]{0,8}){1,4}", fullmatch=True)
QUERIES = st.just("") | st.from_regex(r"\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,16}", fullmatch=True)
BODIES = st.none() | st.binary(max_size=60)
HOSTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}(\.[a-z]{2,8}){1,2}(:[1-9][0-9]{1,3})?", fullmatch=True)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(
    path=PATHS, query=QUERIES, host=HOSTS, body=st.none() | st.binary(max_size=60), bit=st.integers(0, 10**6)
)
def test_round_trip_and_a_flipped_bit(
    *, form: Sign, path: str, query: str, host: str, body: bytes | None, bit: int, ala: PrivateKeys
) -> None:
    method, base, target = "GET" if body is None else "POST", f"https://{host}", path + query
    key = key_for(ala, form)
    headers = form(method, base + target, body, ala, NOW)
    facts = RequestFacts.under(base, method, target, headers.items(), body or b"")
    assert verified_sender(facts, key, NOW).actor == ala.actor_uri

    def flip(text: bytes) -> bytes:
        at = bit % (len(text) * 8)
        return text[: at // 8] + bytes([text[at // 8] ^ (1 << at % 8)]) + text[at // 8 + 1 :]

    def must_refuse(changed_target: str, pairs: list[tuple[str, str]], changed_body: bytes) -> None:
        with pytest.raises(ClusterError):
            verified_sender(RequestFacts.under(base, method, changed_target, pairs, changed_body), key, NOW)

    pairs = list(headers.items())
    if body:
        must_refuse(target, pairs, flip(body))
    # Covered by either form; a Host in other letters is the same host to RFC 9421.
    covered = ["Signature", "Digest", "Content-Digest", "Content-Type", "Signature-Input"]
    for at, (name, value) in enumerate(pairs):
        if name in covered or (form is sign_cavage and name in ("Host", "Date")):
            changed = flip(value.encode()).decode("latin-1")
            if changed.strip(" \t") != value and not _same_claim(name, value, changed):
                must_refuse(target, [*pairs[:at], (name, changed), *pairs[at + 1 :]], body or b"")
    if query:
        must_refuse(path + "?" + flip(query.encode()).decode("latin-1")[1:] + "+", pairs, body or b"")
    changed_path = "/" + flip(path.encode()).decode("latin-1")[1:] + query
    if changed_path.partition("#")[0] != target and "?" not in changed_path.removesuffix(query):
        must_refuse(changed_path, pairs, body or b"")


def _same_claim(name: str, before: str, after: str) -> bool:
    """Changes of the header itself that say the same: letters of a list, or a parameter that nobody reads."""
    if name != "Signature" or not before.startswith("keyId"):
        return False
    try:
        return read_claim(after)._replace(algorithm=None) == read_claim(before)._replace(algorithm=None)
    except ClusterError:
        return False


RANDOM = st.text(max_size=60) | st.text(alphabet='keyId="sgnatur,()[]: @mhod;c1\\', max_size=60)


@settings(deadline=None)
@given(first=RANDOM, second=RANDOM, third=RANDOM)
def test_random_headers_are_refused_calmly(first: str, second: str, third: str, ala: PrivateKeys) -> None:
    good = sign_cavage("POST", f"{BASE}/inbox", BODY, ala, NOW)
    for headers in (
        good | {"Signature": first},
        good | {"Signature": good["Signature"] + first},
        good | {"Signature-Input": first, "Signature": second},
        good | {"Signature-Input": f"sig1=({first});{second}", "Signature": "sig1=:AAAA:"},
        good | {"Date": first, "Digest": second, "Host": third},
        good | {"Content-Digest": first},
    ):
        try:
            facts = RequestFacts.under(BASE, "POST", "/inbox", headers.items(), BODY)
            if claimed_key_id(facts, NOW) is not None:
                verified_sender(facts, ala.public_keys()[0], NOW)
        except ClusterError:
            continue
        # What passes is the good signature, at most with a parameter that nobody knows.
        assert headers["Signature"].strip(" \t").startswith(good["Signature"])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12)
    | st.text(alphabet="\x00\x08\t\n\x0c\r\x1f\"\\/\x7f\u0080\u2028\ufeff\U0001f600é", max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=6) | st.sampled_from(["a", "B", "\ufb33", "\U0001f600"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_JSON)
def test_the_quick_canonical_form_is_the_form(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)  # type: ignore[arg-type]
    except (ValueError, rfc8785.IntegerDomainError):
        return  # what the library refuses is read as others read it; vectors say how
    assert canonical(value) == expected
