"""The membership of the cluster: invited, asked, confirmed, ended, and told by signed lists."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.facts import MemberEnded, MemberJoined, MembersChanged
from fedi_cluster.community.instances.rules import INVITATION_LASTS
from fedi_cluster.community.instances.shapes import Comparison, Entry, Member
from fedi_cluster.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from fedi_cluster.storage.unit import Unit
from tests.builders import START, Hands, entry

OWN, HER, THIRD = entry("szczecin"), entry("rostock"), entry("klaipeda")
HOST, THERE, ELSEWHERE = "szczecin.example", "rostock.example", "klaipeda.example"


def member(hands: Hands, host: str) -> Member:
    found = hands.see(queries.member, host)
    assert found is not None
    return found


def sisters(hands: Hands) -> list[str]:
    return [one.host for one in hands.see(queries.sisters, HOST)]


def version(hands: Hands) -> int:
    cluster = hands.see(queries.cluster)
    assert cluster is not None
    return cluster.version


def join(hands: Hands, candidate: Entry = HER) -> Member:
    """`candidate` asks with a fresh invitation and is confirmed; the facts are forgotten."""
    token, _ = hands.do(membership.invite, OWN)
    asked = hands.do(membership.ask, token, candidate)
    hands.do(membership.confirm, asked.host, OWN)
    hands.told()
    return member(hands, asked.host)


def take(hands: Hands, sender: Entry, *entries: Entry, v: int = 5, admit: bool = True) -> list[object]:
    """A list arrives; gives what follows from it."""
    hands.do(membership.take_list, HOST, sender.actor, (v, entries), admit=admit)
    return hands.told()


def test_who_invites_first_founds_the_cluster(hands: Hands) -> None:
    assert hands.see(queries.cluster) is None
    assert not hands.see(queries.is_member, HOST)
    token, ends = hands.do(membership.invite, OWN)
    cluster = hands.see(queries.cluster)
    assert cluster is not None
    assert cluster.urn.startswith("urn:uuid:")
    assert cluster.version == 1
    assert (len(token) >= 40, ends) == (True, START + INVITATION_LASTS)
    assert hands.see(queries.is_member, HOST)
    assert sisters(hands) == []
    hands.do(membership.invite, OWN)
    assert hands.see(queries.cluster) == cluster


def test_a_newcomer_asks_and_is_confirmed(hands: Hands) -> None:
    token, _ = hands.do(membership.invite, OWN)
    asked = hands.do(membership.ask, token, replace(HER, state="member"))
    assert (asked.entry.state, asked.admitted, asked.is_sister) == ("asking", False, False)
    assert (hands.told(), sisters(hands)) == ([], [])
    assert hands.do(membership.ask, token, HER).entry.state == "asking"
    hands.later(seconds=5)
    confirmed = hands.do(membership.confirm, "Rostock", OWN)
    assert confirmed.is_sister
    assert (confirmed.entry.confirmed_by, confirmed.entry.updated_at) == (OWN.actor, hands.moment)
    assert hands.told() == [MembersChanged(2), MemberJoined(THERE)]
    assert sisters(hands) == [THERE]
    assert hands.see(queries.is_sister, HOST, THERE)
    assert not hands.see(queries.is_sister, HOST, HOST)
    assert hands.do(membership.ask, token, HER) == confirmed
    with pytest.raises(Invalid, match="does not wait"):
        hands.do(membership.confirm, "rostock", OWN)
    assert (version(hands), hands.told()) == (2, [])


def test_an_invitation_is_for_one_host_and_a_week(hands: Hands) -> None:
    token, ends = hands.do(membership.invite, OWN)
    hands.do(membership.ask, token, HER)
    with pytest.raises(Conflict):
        hands.do(membership.ask, token, THIRD)
    with pytest.raises(NotFound):
        hands.do(membership.ask, token[:-1], THIRD)
    hands.moment = ends
    assert hands.do(membership.check_invitation, token, THERE) == ends
    hands.later(seconds=1)
    with pytest.raises(NotFound):
        hands.do(membership.ask, token, HER)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("rostock", 1),
        (" ROSTOCK ", 1),
        ("rostock.example", 1),
        ("ros", 0),
        ("", 0),
        ("harbour", 2),
        ("example", 0),
    ],
)
def test_a_member_by_what_people_call_it(hands: Hands, name: str, fits: int) -> None:
    join(hands)
    for one in (THIRD, entry("gdansk")):
        join(hands, replace(one, name="Harbour"))
    if fits == 1:
        assert hands.see(queries.find_member, name).host == THERE
    else:
        with pytest.raises(Invalid, match="more than one" if fits else "not known"):
            hands.see(queries.find_member, name)


def test_a_member_is_removed(hands: Hands) -> None:
    join(hands)
    hands.do(membership.remove, "rostock", OWN)
    assert hands.told() == [MembersChanged(3), MemberEnded(THERE)]
    ended = member(hands, THERE).entry
    assert (ended.state, ended.confirmed_by) == ("removed", OWN.actor)
    assert ended.updated_at > START
    assert sisters(hands) == []
    for name in ("rostock", "szczecin"):
        with pytest.raises(Invalid):
            hands.do(membership.remove, name, OWN)


def test_who_only_asked_is_sent_away_without_a_word(hands: Hands) -> None:
    token, _ = hands.do(membership.invite, OWN)
    hands.do(membership.ask, token, HER)
    hands.do(membership.remove, "rostock", OWN)
    assert hands.see(queries.member, THERE) is None
    assert (hands.told(), version(hands)) == ([], 1)


def test_leaving(hands: Hands) -> None:
    with pytest.raises(Invalid):
        hands.do(membership.leave, HOST)
    join(hands)
    join(hands, THIRD)
    hands.do(membership.leave, HOST)
    told = hands.told()
    assert told[1:] == [MemberEnded(ELSEWHERE), MemberEnded(THERE)]
    assert isinstance(told[0], MembersChanged)
    assert sisters(hands) == []
    assert not hands.see(queries.is_sister, HOST, THERE)
    with pytest.raises(Invalid):
        hands.do(membership.leave, HOST)


def test_a_new_cluster_begins_alone(hands: Hands) -> None:
    """After leaving, an invitation made the old sisters sisters again, who knew nothing of it."""
    join(hands)
    old = hands.see(queries.cluster)
    hands.do(membership.leave, HOST)
    left = member(hands, HOST).entry
    hands.do(membership.invite, OWN)
    fresh = hands.see(queries.cluster)
    assert old is not None
    assert fresh is not None
    assert (fresh.urn != old.urn, fresh.version) == (True, 1)
    assert sisters(hands) == []
    assert member(hands, HOST).entry.updated_at > left.updated_at


def test_joining_by_the_list_of_whom_we_asked(hands: Hands) -> None:
    hands.do(membership.await_confirmation, "urn:uuid:1", HER, HOST)
    assert (version(hands), sisters(hands)) == (0, [])
    confirmed = replace(OWN, confirmed_by=HER.actor)
    told = take(hands, HER, HER, THIRD, confirmed, v=7)
    assert told == [MemberJoined(ELSEWHERE), MemberJoined(THERE)]
    assert (version(hands), sisters(hands)) == (7, [ELSEWHERE, THERE])
    cluster = hands.see(queries.cluster)
    assert cluster is not None
    assert cluster.urn == "urn:uuid:1"
    with pytest.raises(Conflict):
        hands.do(membership.await_confirmation, "urn:uuid:2", THIRD, HOST)


def test_a_list_is_taken_from_members_only(hands: Hands) -> None:
    with pytest.raises(Forbidden):
        take(hands, HER, HER, OWN)
    join(hands)
    with pytest.raises(Forbidden, match="not a member"):
        take(hands, THIRD, HER, OWN)
    with pytest.raises(Forbidden, match="does not name"):
        take(hands, HER, HER)
    hands.do(membership.remove, "rostock", OWN)
    with pytest.raises(Forbidden):
        take(hands, HER, HER, OWN)


def known_list(hands: Hands) -> list[Entry]:
    return [one.entry for one in hands.see(queries.members) if one.entry.state != "asking"]


def test_a_list_that_says_nothing_new_ends_the_talk(hands: Hands) -> None:
    her = join(hands).entry
    assert take(hands, her, *known_list(hands), v=9) == []
    assert version(hands) == 9
    assert take(hands, her, *known_list(hands), v=3) == []
    assert version(hands) == 9


def test_a_list_that_knows_less_is_answered(hands: Hands) -> None:
    her = join(hands).entry
    join(hands, THIRD)
    own = member(hands, HOST).entry
    assert take(hands, her, her, own, v=9) == [MembersChanged(10)]
    assert version(hands) == 10


@pytest.mark.parametrize("admit", [True, False], ids=["any", "each"])
def test_a_new_member_of_the_others_waits_where_each_admits(hands: Hands, admit: bool) -> None:
    her = join(hands).entry
    told = take(hands, her, *known_list(hands), THIRD, admit=admit)
    assert told == ([MemberJoined(ELSEWHERE)] if admit else [])
    assert member(hands, ELSEWHERE).entry.state == "member"
    assert (ELSEWHERE in sisters(hands)) is admit
    assert THERE in sisters(hands)
    if not admit:
        # Another list does not admit it either; our own host's word does.
        newer = replace(THIRD, name="Klaipėda", updated_at=START + timedelta(seconds=9))
        others = [one for one in known_list(hands) if one.actor != THIRD.actor]
        assert take(hands, her, *others, newer, v=6, admit=False) == []
        assert hands.do(membership.confirm, "klaipėda", OWN).is_sister
        assert hands.told() == [MemberJoined(ELSEWHERE)]


def test_others_end_a_membership(hands: Hands) -> None:
    her = join(hands).entry
    third = join(hands, THIRD).entry
    gone = replace(third, state="removed", updated_at=third.updated_at + timedelta(seconds=1))
    own = member(hands, HOST).entry
    assert take(hands, her, her, own, gone) == [MemberEnded(ELSEWHERE)]
    assert sisters(hands) == [THERE]
    thrown = replace(own, state="removed", updated_at=own.updated_at + timedelta(seconds=1))
    assert take(hands, her, her, thrown, gone, v=6) == [MemberEnded(THERE)]
    assert not hands.see(queries.is_member, HOST)


def test_who_was_removed_may_ask_again(hands: Hands) -> None:
    her, third = join(hands).entry, join(hands, THIRD).entry
    hands.do(membership.remove, "rostock", OWN)
    removed = member(hands, THERE).entry
    token, _ = hands.do(membership.invite, OWN)
    hands.later(minutes=1)
    hands.do(membership.ask, token, her)
    hands.told()
    own = member(hands, HOST).entry
    # A third sister tells what she knows: it neither throws the newcomer out nor is answered for ever.
    assert take(hands, third, own, third, removed, v=9) == []
    assert member(hands, THERE).entry.state == "asking"
    assert take(hands, third, own, third, her, v=9) == []
    assert member(hands, THERE).entry.state == "asking"
    hands.do(membership.confirm, "rostock", OWN)
    assert hands.told()[-1] == MemberJoined(THERE)


def test_two_who_hold_different_keys_of_a_third_do_not_talk_for_ever(hands: Hands) -> None:
    """Each refused the other's key and answered with its own list, again and again."""
    her, third = join(hands).entry, join(hands, THIRD).entry
    own = member(hands, HOST).entry
    theirs = replace(third, key="z6Mknew", updated_at=third.updated_at + timedelta(days=1))
    assert take(hands, her, own, her, theirs, v=9) == []
    assert member(hands, ELSEWHERE).entry == third
    assert version(hands) == 9


def test_how_a_comparison_ended(hands: Hands) -> None:
    join(hands)
    how = Comparison("behind", checked_at=hands.moment, missing=3)

    def note(unit: Unit) -> None:
        membership.note_slug(unit, THERE, "rostock")
        membership.note_comparison(unit, THERE, how)

    hands.do(note)
    found = member(hands, THERE)
    assert (found.slug, found.comparison) == ("rostock", how)
    assert hands.see(queries.member_by_region, HER.region) == found
    assert hands.see(queries.member_by_actor, HER.actor) == found
