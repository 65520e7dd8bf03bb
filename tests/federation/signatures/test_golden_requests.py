"""The golden requests: signed again they are the same bytes, and they verify."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fedi_cluster.federation.signatures import cavage, rfc9421
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.signatures.sign import sign_cavage, sign_rfc9421
from fedi_cluster.federation.signatures.verify import RequestFacts, claimed_key_id, verified_sender
from fedi_cluster.kernel.json import Json

pytestmark = pytest.mark.shared

NOW = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "scheme", "kind", "actor"),
    [
        ("http-post-draft-cavage", "cavage", "rsa", "https://szczecin.example/actors/atelier"),
        ("http-post-rfc9421-rsa", "rfc9421", "rsa", "https://szczecin.example/actors/atelier"),
        ("http-post-rfc9421-ed25519", "rfc9421", "ed25519", "https://szczecin.example/actors/region"),
    ],
)
def test_golden_request(
    *,
    name: str,
    scheme: str,
    kind: str,
    actor: str,
    read: Callable[[str], Json],
    golden_pairs: dict[str, PrivateKeys],
) -> None:
    golden = read(f"design/golden/{name}.json")
    url, body, listed, base = (golden[key] for key in ("url", "body", "headers", "signatureBase"))
    assert isinstance(url, str)
    assert isinstance(body, str)
    assert isinstance(listed, list)
    assert isinstance(base, str)
    raw, keys = body.encode(), golden_pairs[actor]
    sent = [(key, value) for key, value in listed if key != "Content-Length"]
    also = {key: value for key, value in sent if key in ("Accept", "User-Agent")}
    if scheme == "cavage":
        made = sign_cavage("POST", url, raw, keys, NOW, also=also)
    elif kind == "rsa":
        made = sign_rfc9421("POST", url, raw, keys, NOW, use="rsa", also=also)
    else:
        made = sign_rfc9421("POST", url, raw, keys, NOW, use="ed25519", also=also)
    assert list(made.items()) == sent

    host = url.removesuffix("/inbox")
    facts = RequestFacts.under(host, "POST", "/inbox", [(key, value) for key, value in listed], raw)
    key = keys.public_keys()[kind == "ed25519"]
    assert claimed_key_id(facts, NOW) == key.id
    sender = verified_sender(facts, key, NOW)
    assert (sender.actor, sender.host, sender.scheme, sender.kind) == (
        actor,
        "szczecin.example",
        scheme,
        kind,
    )
    if scheme == "cavage":
        assert cavage.bases(facts, cavage.read_claim(made["Signature"])) == [base.encode()]
    else:
        claim = rfc9421.read_claim(made["Signature-Input"], made["Signature"])
        assert rfc9421.base(facts, claim) == base.encode()
