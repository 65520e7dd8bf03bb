"""What we learn of other servers, and what this one is."""

import pytest

from fedi_cluster.community.instances import actions, queries
from fedi_cluster.kernel.errors import Conflict
from tests.builders import FAR, START, Hands


def test_a_server_that_we_heard_from(hands: Hands) -> None:
    assert hands.see(queries.instance, FAR) is None
    hands.do(actions.heard_from, [FAR])
    later = hands.later(minutes=1)
    hands.do(actions.heard_from, [FAR])
    known = hands.see(queries.instance, FAR)
    assert known is not None
    assert (known.policy, known.last_heard_at, known.last_reached_at) == ("open", later, None)


def test_how_a_server_reads_signatures_is_learnt_once(hands: Hands) -> None:
    hands.do(actions.reached, {FAR: "cavage"})
    hands.later(days=1)
    hands.do(actions.reached, {FAR: "cavage"})
    known = hands.see(queries.instance, FAR)
    assert known is not None
    assert (known.signature_scheme, known.scheme_learned_at) == ("cavage", START)
    assert known.last_reached_at == hands.moment
    hands.do(actions.reached, {FAR: "rfc9421"})
    known = hands.see(queries.instance, FAR)
    assert known is not None
    assert (known.signature_scheme, known.scheme_learned_at) == ("rfc9421", hands.moment)


def test_an_instance_is_one_for_ever(hands: Hands) -> None:
    assert hands.see(queries.identity_of) == {}
    hands.do(actions.remember_identity, {"base_url": "https://szczecin.example"})
    with pytest.raises(Conflict):
        hands.do(actions.remember_identity, {"base_url": "https://rostock.example"})
    assert hands.see(queries.identity_of) == {"base_url": "https://szczecin.example"}
