"""What is listed in the ledger: announced posts, public answers below them, accounts that want to be found."""

from dataclasses import replace

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors.actions import Profile
from fedi_cluster.community.actors.facts import ActorChanged, ActorCreated, ActorDeleted
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions, queries
from fedi_cluster.community.posts.facts import Announced, PostPublished
from fedi_cluster.community.regions import ledger, listing
from fedi_cluster.community.regions.shapes import Held
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.unit import Unit
from tests.builders import AT, Hands


def row(hands: Hands, uri: str) -> Held | None:
    return hands.see(ledger.held, uri)


def test_accounts_that_want_to_be_found(hands: Hands) -> None:
    shown, hidden = hands.local("ala"), hands.local("ola", discoverable=False)
    service = hands.local("actor", type="Application", founding=True)
    for who in (shown, hidden, service):
        hands.do(listing.actor_stated, AT, ActorCreated(who.id))
    assert [row(hands, who.uri) is not None for who in (shown, hidden, service)] == [True, False, False]


def test_a_listed_account_stays_listed_in_its_last_version(hands: Hands) -> None:
    who = hands.local("ala")
    hands.do(listing.actor_stated, AT, ActorCreated(who.id))
    hands.later(minutes=5)
    now = hands.do(actor_actions.change, who, replace(Profile.of(who), name="Ala", discoverable=False))
    assert hands.told() == [ActorChanged(who.id, local=True)]
    hands.do(listing.actor_stated, AT, ActorChanged(who.id, local=True))
    found = row(hands, who.uri)
    assert found is not None
    assert (found.what.version, found.listed, now.name) == (now.updated_at, True, "Ala")
    hands.later(minutes=5)
    hands.do(actor_actions.delete_actor, now)
    hands.do(listing.actor_deleted, AT, ActorDeleted(who.id, local=True))
    found = row(hands, who.uri)
    assert found is not None
    assert (found.what.deleted, found.what.version, found.what.type) == (True, hands.moment, "Person")


def test_two_changes_in_one_second_are_two_versions(hands: Hands) -> None:
    who = hands.local("ala")
    once = hands.do(actor_actions.change, who, replace(Profile.of(who), name="Ala"))
    twice = hands.do(actor_actions.change, once, replace(Profile.of(once), name="Ola"))
    assert who.updated_at < once.updated_at < twice.updated_at


def test_answers_are_listed_below_what_is_shown(hands: Hands) -> None:
    ala = hands.local("ala")
    root = hands.write(ala, to_region=True)
    early = hands.write(ala, in_reply_to=root.uri)
    quiet = hands.write(ala, in_reply_to=root.uri, visibility="unlisted")
    hands.do(listing.post_published, AT, PostPublished(early.id, local=True))
    assert row(hands, early.uri) is None
    hands.do(_announce, hands.local("region", type="Group", founding=True), root.id)
    assert [row(hands, post.uri) is not None for post in (root, early, quiet)] == [True, True, False]
    late = hands.write(ala, in_reply_to=early.uri)
    hands.do(listing.post_published, AT, PostPublished(late.id, local=True))
    assert row(hands, late.uri) is not None


def _announce(unit: Unit, region: Actor, post_id: int) -> None:
    post = queries.by_id(unit, post_id)
    assert post is not None
    actions.announce(unit, region, post, AT.activity(unit.new_id()))
    (said,) = [fact for fact in unit.facts if isinstance(fact, Announced)]
    unit.connection.execute(
        cluster_post.insert().values(post_id=post_id, region_id=region.id, added_at=unit.now)
    )
    listing.announced(unit, AT, said)
