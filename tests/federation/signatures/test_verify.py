"""Who sent it: what passes, and one refusal for each thing that can be wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fedi_cluster.federation.signatures.cavage import read_claim as read_cavage
from fedi_cluster.federation.signatures.cavage import signing_string, write_date
from fedi_cluster.federation.signatures.digest import content_digest_header
from fedi_cluster.federation.signatures.keys import PrivateKeys, PublicKey
from fedi_cluster.federation.signatures.request import target_of
from fedi_cluster.federation.signatures.rfc9421 import signature_base
from fedi_cluster.federation.signatures.sign import sign_cavage, sign_rfc9421
from fedi_cluster.federation.signatures.structured import encode_bytes
from fedi_cluster.federation.signatures.verify import (
    RequestFacts,
    VerifiedSender,
    claimed_key_id,
    sender_from_log,
    verified_sender,
)
from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.lru import bytes_in_all

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


def facts_of(
    headers: dict[str, str], target: str = "/inbox", method: str = "POST", body: bytes = BODY
) -> RequestFacts:
    return RequestFacts.under(BASE, method, target, headers.items(), body)


def cavage_by_hand(keys: PrivateKeys, lines: list[tuple[str, str]], parameters: str = "") -> dict[str, str]:
    """A signed POST whose signature covers exactly these lines, by somebody else's program."""
    made = encode_bytes(keys.sign_rsa(signing_string(lines).encode()))[1:-1]
    listed = " ".join(name for name, _ in lines)
    headers = {"host": "rostock.example"} | {name: value for name, value in lines if not name.startswith("(")}
    headers["Signature"] = f'keyId="{keys.main_key_id}",headers="{listed}",signature="{made}"{parameters}'
    return headers


TARGET = ("(request-target)", "post /inbox")
HOST = ("host", "rostock.example")
DATE = ("date", write_date(NOW))
DIGEST = ("content-digest", content_digest_header(BODY))


@pytest.mark.parametrize("form", FORMS)
def test_a_post_and_a_get(form: Sign, ala: PrivateKeys) -> None:
    key = key_for(ala, form)
    facts = facts_of(form("POST", f"{BASE}/inbox", BODY, ala, NOW))
    assert claimed_key_id(facts, NOW) == key.id
    sender = verified_sender(facts, key, NOW)
    assert (sender.actor, sender.key_id, sender.host, sender.kind) == (
        ala.actor_uri, key.id, "szczecin.example", key.kind,
    )  # fmt: skip
    get = form("GET", f"{BASE}/actors/b?page=true", None, ala, NOW)
    assert verified_sender(facts_of(get, "/actors/b?page=true", "GET", b""), key, NOW) == sender


def test_only_this_room_makes_a_sender(ala: PrivateKeys) -> None:
    with pytest.raises(TypeError):
        VerifiedSender("a", "b", "c", "cavage", "rsa")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        VerifiedSender("a", "b", "c", "cavage", "rsa", object())
    sender = sender_from_log(ala.actor_uri, ala.main_key_id, "cavage", "rsa")
    with pytest.raises((TypeError, ValueError)):
        replace(sender, actor="https://victim.example/actors/x")  # type: ignore[call-arg]


def test_unsigned(ala: PrivateKeys) -> None:
    assert claimed_key_id(facts_of({"Host": "rostock.example"})) is None
    with pytest.raises(Unauthenticated, match="not signed"):
        verified_sender(facts_of({"Host": "rostock.example"}), ala.public_keys()[0], NOW)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("minutes", "passes"), [(-61, False), (-59, True), (10, True), (60, True), (61, False)]
)
def test_the_window(form: Sign, minutes: int, passes: bool, ala: PrivateKeys) -> None:
    facts = facts_of(form("POST", f"{BASE}/inbox", BODY, ala, NOW + timedelta(minutes=minutes)))
    key = key_for(ala, form)
    if passes:
        verified_sender(facts, key, NOW)
        return
    for check in (lambda: verified_sender(facts, key, NOW), lambda: claimed_key_id(facts, NOW)):
        with pytest.raises(Unauthenticated, match="too old"):
            check()
    verified_sender(facts, key, NOW, window=timedelta(hours=12))


@pytest.mark.parametrize("form", FORMS)
def test_another_place_body_key_or_method(form: Sign, ala: PrivateKeys) -> None:
    key = key_for(ala, form)
    headers = form("POST", f"{BASE}/inbox", BODY, ala, NOW)
    lower = {name.lower(): value for name, value in headers.items()}
    no_digest = {name: value for name, value in lower.items() if "digest" not in name}
    elsewhere = form("POST", "https://greifswald.example/inbox", BODY, ala, NOW)
    for facts in (
        facts_of(headers, "/actors/b/inbox"),
        facts_of(headers, method="PUT"),
        facts_of(headers, body=BODY + b" "),
        facts_of(no_digest),
        facts_of(elsewhere),
        facts_of(elsewhere | {"Host": "rostock.example"}),
        facts_of({name: value for name, value in headers.items() if name != "Host"}),
        facts_of(lower | {"content-type": "application/json"}),
        RequestFacts.under(BASE, "POST", "/inbox", [*headers.items(), ("Host", "evil.example")], BODY),
    ):
        with pytest.raises(Unauthenticated):
            verified_sender(facts, key, NOW)
    facts = facts_of(headers)
    for other in (
        ala.public_keys()[form is not ed_9421],
        replace(key, owner="https://victim.example/actors/x"),
        replace(key, owner="acct:x@szczecin.example"),
        replace(key, kind="rsa" if key.kind == "ed25519" else "ed25519"),
    ):
        with pytest.raises(Unauthenticated):
            verified_sender(facts, other, NOW)


def test_host_forms(ala: PrivateKeys) -> None:
    main = ala.public_keys()[0]
    lines = [TARGET, ("host", "ROSTOCK.example:443"), DATE, DIGEST]
    headers = cavage_by_hand(ala, lines)
    verified_sender(facts_of(headers), main, NOW)
    town = sign_cavage("POST", "http://localhost:8001/inbox", BODY, ala, NOW)
    assert town["Host"] == "localhost:8001"
    facts = RequestFacts.under("http://localhost:8001/", "POST", "/inbox", town.items(), BODY)
    verified_sender(facts, main, NOW)


def test_cavage_must_cover_enough(ala: PrivateKeys) -> None:
    main = ala.public_keys()[0]
    whole = [TARGET, HOST, DATE, DIGEST]
    verified_sender(facts_of(cavage_by_hand(ala, whole)), main, NOW)
    for left_out in whole:
        headers = dict([DATE, DIGEST]) | cavage_by_hand(ala, [line for line in whole if line != left_out])
        with pytest.raises(Unauthenticated, match="must cover"):
            claimed_key_id(facts_of(headers))


def test_created_and_expires(ala: PrivateKeys) -> None:
    main, second = ala.public_keys()[0], int(NOW.timestamp())
    lines = [TARGET, HOST, DIGEST, ("(created)", str(second)), ("(expires)", str(second + 60))]
    times = f",created={second},expires={second + 60}"
    for algorithm in ("", ',algorithm="hs2019"'):
        facts = facts_of(cavage_by_hand(ala, lines, times + algorithm))
        verified_sender(facts, main, NOW)
        with pytest.raises(Unauthenticated, match="expired"):
            verified_sender(facts, main, NOW + timedelta(seconds=61))
    for parameters in (
        times + ',algorithm="rsa-sha256"',
        f",created={second}",
        f",created=soon,expires={second + 60}",
        f",created={second + 1},expires={second + 60}",
        "",
    ):
        with pytest.raises(Unauthenticated):
            verified_sender(facts_of(cavage_by_hand(ala, lines, parameters)), main, NOW)


@pytest.mark.parametrize("name", ["none", "", "unknown", "rsa-sha1", "md5", "hmac-sha256", "ed25519"])
def test_algorithms_that_do_not_fit(name: str, ala: PrivateKeys) -> None:
    main = ala.public_keys()[0]
    headers = cavage_by_hand(ala, [TARGET, HOST, DATE, DIGEST], f',algorithm="{name}"')
    with pytest.raises(Unauthenticated, match="algorithm"):
        verified_sender(facts_of(headers), main, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "keyId", 'keyId="a"', 'keyId="https://a.example/b"', 'keyId="https://a.example/b",signature=""',
        'keyId="https://a.example/b",signature="AAAA",signature="AAAA"',
        'keyId="a",keyId="b",signature="AAAA"',
        'keyId="https://a.example/b",signature="A*=="', 'keyId="https://a.example/b" signature="AAAA"',
        'keyId="https://a.example/b",signature="AAAA",',
        'keyId="https://a.example/b",headers="",signature="AAAA"',
        'keyId="https://a.example/b",headers="date  host",signature="AAAA"',
        'keyId="https://a.example/b",headers="date Date",signature="AAAA"', "x" * 10_000,
    ],
)  # fmt: skip
def test_unreadable_cavage_headers(text: str) -> None:
    with pytest.raises(Malformed):
        claimed_key_id(facts_of({"Host": "rostock.example", "Signature": text}))


@pytest.mark.parametrize(
    "key_id",
    [
        "data:,x",
        "acct:a@b.example",
        "javascript:x",
        "a",
        "https://u@b.example/",
        "https://b.example\\x",
        "ftp://b/",
    ],
)
def test_key_ids_that_nobody_should_fetch(key_id: str) -> None:
    cavage = f'keyId="{key_id.replace(chr(92), "|")}",signature="AAAA"'
    newer = f'sig1=("@method");created=1;keyid="{key_id.replace(chr(92), chr(92) * 2)}"'
    for headers in ({"Signature": cavage}, {"Signature-Input": newer, "Signature": "sig1=:AAAA:"}):
        if "\\" in key_id and "Signature-Input" not in headers:
            continue
        with pytest.raises(Unauthenticated):
            claimed_key_id(facts_of({"Host": "rostock.example"} | headers))


def by_hand_9421(
    keys: PrivateKeys, components: str, parameters: str, lines: list[tuple[str, str]]
) -> dict[str, str]:
    text = f"({components}){parameters}"
    made = keys.sign_ed25519(signature_base(lines, text).encode())
    return {
        "Host": "rostock.example",
        "Content-Digest": DIGEST[1],
        "Signature-Input": f"sig1={text}",
        "Signature": f"sig1={encode_bytes(made)}",
    }


LINES = [("@method", "POST"), ("@target-uri", f"{BASE}/inbox"), DIGEST]


def usual(keys: PrivateKeys, **changes: str) -> str:
    named = {"created": str(int(NOW.timestamp())), "keyid": f'"{keys.ed25519_key_id}"'} | changes
    return "".join(f";{name}={value}" for name, value in named.items() if value)


def test_rfc_9421_by_hand(ala: PrivateKeys) -> None:
    key = ala.public_keys()[1]
    listed = '"@method" "@target-uri" "content-digest"'
    for parameters in (usual(ala), usual(ala, alg='"ed25519"'), usual(ala, tag='"x"', nonce='"y"')):
        verified_sender(facts_of(by_hand_9421(ala, listed, parameters, LINES)), key, NOW)
    soon = str(int(NOW.timestamp()) + 60)
    verified_sender(facts_of(by_hand_9421(ala, listed, usual(ala, expires=soon), LINES)), key, NOW)
    for parameters in (
        usual(ala, created=""), usual(ala, keyid=""), usual(ala, alg='"rsa-v1_5-sha256"'),
        usual(ala, alg='"none"'),
        usual(ala, alg='""'), usual(ala, created='"1"'), usual(ala, created="-1"), usual(ala, expires="1"),
        usual(ala, created="999999999999999"),
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            verified_sender(facts_of(by_hand_9421(ala, listed, parameters, LINES)), key, NOW)


def test_rfc_9421_must_cover_enough(ala: PrivateKeys) -> None:
    key = ala.public_keys()[1]
    values = dict(LINES) | {
        "@authority": "rostock.example", "@path": "/inbox", "@query": "?", "@request-target": "/inbox",
        "@scheme": "https", "host": "rostock.example",
    }  # fmt: skip
    enough = ["@target-uri", "@authority @path", "@authority @path @query", "host @request-target @scheme"]
    for names in enough:
        covered = ["@method", "content-digest", *names.split()]
        listed = " ".join(f'"{name}"' for name in covered)
        made = by_hand_9421(ala, listed, usual(ala), [(name, values[name]) for name in covered])
        verified_sender(facts_of(made), key, NOW)
        if "@query" not in names and "@path" in names:
            with pytest.raises(Unauthenticated, match="@query"):
                verified_sender(facts_of(made, "/inbox?x=1"), key, NOW)
    for names in ["", "@authority", "@path", "@request-target", "@authority @query"]:
        listed = " ".join(f'"{name}"' for name in ["@method", "content-digest", *names.split()])
        with pytest.raises(Unauthenticated, match="must cover"):
            claimed_key_id(facts_of(by_hand_9421(ala, listed, usual(ala), [])))
    for listed in ('"@target-uri" "content-digest"', '"@method" "@target-uri"'):
        with pytest.raises(Unauthenticated, match="must cover"):
            claimed_key_id(facts_of(by_hand_9421(ala, listed, usual(ala), [])))


@pytest.mark.parametrize(
    "component",
    ['"@query-param";name="x"', '"date";sf', '"date";bs', '"@method";req', '"date";tr', '"@method"',
     '"@unknown"', '"@status"', '"Date"', "date", "1", '""', '"not-sent"'],
)  # fmt: skip
def test_components_that_we_do_not_speak(component: str, ala: PrivateKeys) -> None:
    listed = f'"@method" "@target-uri" "content-digest" {component}'
    made = by_hand_9421(ala, listed, usual(ala), LINES)
    with pytest.raises((Unauthenticated, Malformed)):
        verified_sender(facts_of(made), ala.public_keys()[1], NOW)


def test_exactly_one_signature(ala: PrivateKeys) -> None:
    good = ed_9421("POST", f"{BASE}/inbox", BODY, ala, NOW)
    older = sign_cavage("POST", f"{BASE}/inbox", BODY, ala, NOW)
    pairs = [
        [*good.items(), ("Signature-Input", good["Signature-Input"].replace("sig1", "sig2"))],
        [*good.items(), ("Signature", good["Signature"].replace("sig1", "sig2"))],
        [*good.items(), ("Signature", good["Signature"])],
        [*good.items(), ("Signature", older["Signature"])],
        [*older.items(), ("Signature", older["Signature"])],
        [*older.items(), ("Signature-Input", good["Signature-Input"])],
        [(name, value) for name, value in good.items() if name != "Signature"],
        [*good.items(), ("Signature-Input", "sig1")],
    ]
    for headers in pairs:
        with pytest.raises(Malformed):
            claimed_key_id(RequestFacts.under(BASE, "POST", "/inbox", headers, BODY))


def test_an_unsigned_digest_that_differs_is_refused(ala: PrivateKeys) -> None:
    headers = ed_9421("POST", f"{BASE}/inbox", BODY, ala, NOW) | {"Digest": "SHA-256=" + "A" * 43 + "="}
    with pytest.raises(Unauthenticated, match="Digest"):
        verified_sender(facts_of(headers), ala.public_keys()[1], NOW)


def test_repeated_headers_are_joined(ala: PrivateKeys) -> None:
    lines = [TARGET, HOST, DATE, DIGEST, ("accept", "a/b, c/d")]
    headers = cavage_by_hand(ala, lines)
    del headers["accept"]
    pairs = [*headers.items(), ("Accept", " a/b"), ("accept", "c/d ")]
    verified_sender(RequestFacts.under(BASE, "POST", "/inbox", pairs, BODY), ala.public_keys()[0], NOW)


@pytest.mark.parametrize(
    "target", ["inbox", "*", "https://rostock.example/inbox", "/in box", "/ż", "/\\", "/\n"]
)
def test_impossible_targets(target: str) -> None:
    with pytest.raises(Malformed):
        facts_of({}, target)


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://a/b", "https://", "https://a b/", "https://u:p@a/", "https://a:x/", "https://ż.example/",
     "https://a/ż", "https://a/\tb", "https://a\\b/"],
)  # fmt: skip
def test_urls_that_cannot_be_signed(url: str, ala: PrivateKeys) -> None:
    for form in FORMS:
        with pytest.raises(Malformed):
            form("GET", url, None, ala, NOW)


@pytest.mark.parametrize("length", [200, 7_000])
def test_what_strangers_write_at_length_is_read_and_not_remembered(ala: PrivateKeys, length: int) -> None:
    names = " ".join(["host", *(f"x-{number:04}" for number in range(length // 7))])
    header = f'keyId="{ala.main_key_id}",headers="{names}",signature="c2lnbmVk"'
    target_of(ala.main_key_id)
    before = bytes_in_all()
    for _ in range(2):
        claim = read_cavage(header)
    assert claim.covered == tuple(names.split())
    assert (bytes_in_all() > before) == (length == 200)
