"""How a request to a host is signed, and which lists of members are believed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fedi_cluster.community.instances import actions
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.rules import FORMAT
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.federation.remote.member_list import checked_list
from fedi_cluster.federation.remote.signing import Form, form_for, signer
from fedi_cluster.federation.render import cluster as render
from fedi_cluster.federation.signatures.keys import PrivateKeys, multibase_of
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import MemberList
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import Refused, Unauthenticated
from fedi_cluster.kernel.json import Json
from tests.builders import AT, FAR, START, Hands, entry
from tests.towns.town import pair_for


def test_each_host_gets_what_it_reads(hands: Hands) -> None:
    assert hands.see(form_for, AT, FAR) is Form.CAVAGE
    hands.do(actions.heard_from, [FAR])
    assert hands.see(form_for, AT, FAR) is Form.CAVAGE
    for scheme, form in (("rfc9421", Form.RFC9421), ("cavage", Form.CAVAGE)):
        hands.do(actions.reached, {FAR: scheme})
        assert hands.see(form_for, AT, FAR) is form
    own = entry("szczecin")
    token, _ = hands.do(membership.invite, own)
    hands.do(membership.ask, token, entry("rostock"))
    assert hands.see(form_for, AT, FAR) is Form.CAVAGE
    hands.do(membership.confirm, FAR, own)
    assert hands.see(form_for, AT, FAR) is Form.ED25519
    hands.do(membership.remove, FAR, own)
    assert hands.see(form_for, AT, FAR) is Form.CAVAGE


def test_who_does_not_understand_is_asked_otherwise_once() -> None:
    assert {form: form.other for form in Form} == {
        Form.CAVAGE: Form.RFC9421,
        Form.RFC9421: Form.CAVAGE,
        Form.ED25519: None,
    }


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_form_signs_reads_and_deliveries(form: Form, method: str) -> None:
    keys = PrivateKeys(AT.instance_actor, *pair_for("signing"))
    made = signer(keys, form, START)(method, f"https://{FAR}/inbox", b"{}" if method == "POST" else b"")
    names = {name.lower() for name in made}
    assert "signature" in names
    assert ("signature-input" in names) is (form is not Form.CAVAGE)
    assert bool({"digest", "content-digest"} & names) is (method == "POST")


THERE = Addresses(f"https://{FAR}", FAR)
KEYS = PrivateKeys(THERE.instance_actor, *pair_for("signing"))
KEY = multibase_of(KEYS.ed25519_pem)
URN = "urn:uuid:6f0c3a1e-2b7d-4c55-9d0e-0a4b8f1d2c3e"
SIGNER = entry("rostock", key=KEY)
ROWS = [entry("szczecin", key=KEY), SIGNER, entry("klaipeda", "left", START - timedelta(days=1), key=KEY)]


def signed(entries: list[Entry], keys: PrivateKeys = KEYS) -> Json:
    """Rostock's list."""
    return with_proof(render.members(THERE, URN, 3, START, entries), keys, START)


def read(document: Json, signer: Entry = SIGNER) -> tuple[Entry, ...]:
    """The entries of a document, as they would be merged."""
    told = parse.member_list(document)
    if not isinstance(told, MemberList):
        raise Refused("unreadable", detail=told.reason)
    return checked_list(told, document, signer, START)


def test_a_sister_s_list_is_read_as_it_was_written() -> None:
    assert set(read(signed(ROWS))) == set(ROWS)


def test_clocks_may_differ_by_an_hour() -> None:
    ahead = entry("szczecin", at=START + timedelta(hours=1), key=KEY)
    assert ahead in read(signed([ahead, SIGNER]))
    with pytest.raises(Refused, match="future"):
        read(signed([replace(ahead, updated_at=ahead.updated_at + timedelta(seconds=1)), SIGNER]))


LIES: list[Callable[[Json], object]] = [
    lambda said: said.update({"creative:version": 4}),
    lambda said: said["items"][0].update({"creative:state": "removed"}),  # type: ignore[index]
    lambda said: said["items"].pop(),  # type: ignore[attr-defined]
    lambda said: said.pop("proof"),
    lambda said: said.update({"attributedTo": AT.instance_actor}),
    lambda said: said.update({"creative:format": FORMAT + 1}),
]


@pytest.mark.parametrize("lie", LIES)
def test_a_changed_list_is_not_believed(lie: Callable[[Json], object]) -> None:
    document = signed(ROWS)
    lie(document)
    with pytest.raises((Refused, Unauthenticated)):
        read(document)


def test_only_the_key_that_we_pinned_counts() -> None:
    other = PrivateKeys(THERE.instance_actor, *pair_for("signing otherwise"))
    with pytest.raises(Unauthenticated):
        read(signed(ROWS, other))
    with pytest.raises(Refused):
        read(signed(ROWS), entry("klaipeda"))
