"""Actors come, are told anew by their own servers, and go; a name is given once."""

from dataclasses import replace

import pytest

from fedi_cluster.community.actors import actions, queries
from fedi_cluster.community.actors.facts import ActorCreated, ActorDeleted
from fedi_cluster.community.actors.shapes import Field, Picture, Place
from fedi_cluster.kernel.errors import Conflict, NotFound
from tests.builders import AT, FAR, START, Hands, new_actor, remote_actor


def test_a_local_actor(hands: Hands) -> None:
    new = new_actor(
        "ola", fields=(Field("Web", "<a>x</a>"),), location=Place("Port", 53.4, 14.5), tags=("wind",)
    )
    made = hands.do(actions.create, AT, new)
    assert hands.told() == [ActorCreated(made.id)]
    assert (made.uri, made.inbox, made.handle) == (
        "https://szczecin.example/actors/ola",
        "https://szczecin.example/actors/ola/inbox",
        "ola@szczecin.example",
    )
    assert (made.fields, made.location, made.tags) == (new.fields, new.location, new.tags)
    assert made.delivery_inbox == AT.shared_inbox
    assert hands.see(queries.by_id, made.id) == made == hands.see(queries.need_local, "ola")
    assert hands.see(queries.by_handle, "OLA", "Szczecin.example") == made
    assert hands.see(queries.own_keys, made.id).rsa_pem == "rsa"
    assert made.published_at == START


def test_the_actor_of_the_instance_is_nobody_to_find(hands: Hands) -> None:
    made = hands.local("actor", type="Application", founding=True)
    assert (made.uri, made.featured, made.manually_approves) == (AT.instance_actor, None, True)
    assert made.cluster == AT.members
    assert hands.see(queries.any_handle_at, AT.host) is None
    ola = hands.local("ola")
    assert hands.see(queries.any_handle_at, AT.host) == ola.handle
    assert hands.see(queries.locals_of_type, "Application", "Group") == [made]


def test_a_name_is_never_given_twice(hands: Hands) -> None:
    ola = hands.local("ola")
    with pytest.raises(Conflict):
        hands.local("ola")
    hands.do(actions.delete_actor, ola)
    assert hands.told() == [ActorDeleted(ola.id, local=True)]
    with pytest.raises(Conflict):
        hands.local("ola")
    with pytest.raises(NotFound):
        hands.see(queries.need_local, "ola")


def test_what_a_deleted_actor_said_is_gone(hands: Hands) -> None:
    ola = hands.local(
        "ola", summary="<p>x</p>", summary_map={"pl": "<p>x</p>"}, fields=(Field("a", "b"),), tags=("x",)
    )
    hands.do(actions.delete_actor, ola)
    gone = hands.see(queries.by_uri, ola.uri)
    assert gone is not None
    assert (gone.summary, gone.summary_map, gone.fields, gone.tags, gone.location) == ("", {}, (), (), None)
    assert gone.deleted_at == START
    # Her last word must still be signed.
    assert hands.see(queries.own_keys, ola.id).rsa_pem == "rsa"
    hands.told()
    hands.later(days=1)
    hands.do(actions.delete_actor, gone)
    assert hands.told() == []
    assert hands.see(queries.by_id, ola.id) == gone
    assert hands.see(queries.locals_of_type, "Person") == []


def test_a_remote_actor_is_what_its_server_says_now(hands: Hands) -> None:
    said = remote_actor("hanne", icon=Picture("https://rostock.example/1.png", "image/png", "a boat"))
    first = hands.do(actions.store_remote, said)
    hands.later(days=2)
    again = hands.do(actions.store_remote, replace(said, name="Hanne M.", icon=None, published_at=None))
    assert (again.id, again.name, again.icon) == (first.id, "Hanne M.", None)
    assert (first.icon, first.fetched_at, again.fetched_at) == (said.icon, START, hands.moment)
    assert (first.local, hands.told()) == (False, [])
    with pytest.raises(NotFound):
        hands.see(queries.own_keys, first.id)


def test_a_handle_belongs_to_the_newer_id(hands: Hands) -> None:
    """A server that was set up anew gives its names to new ids."""
    old = hands.remote("hanne")
    new = hands.remote("hanne", uri="https://rostock.example/users/2")
    assert hands.see(queries.by_handle, "hanne", FAR) == new
    former = hands.see(queries.by_id, old.id)
    assert (former.uri, former.username) == (old.uri, f"hanne.{old.id}")


def test_what_is_not_known(hands: Hands) -> None:
    assert hands.see(queries.by_uri, "https://rostock.example/users/x") is None
    assert hands.see(queries.by_handle, "x", FAR) is None
    assert hands.see(queries.by_ids, []) == {}
    assert hands.see(queries.by_uris, []) == []
    with pytest.raises(NotFound):
        hands.see(queries.by_id, 1)


def test_who_is_listed(hands: Hands) -> None:
    hidden, shown = hands.remote("zoe", discoverable=False), hands.remote("hanne")
    group = hands.remote("choir", type="Group", name="Aal")
    assert hands.see(queries.listed_at, FAR, 9, "Person", "Group") == [group, shown]
    assert hands.see(queries.listed_at, FAR, 1, "Person", "Group") == [group]
    assert hidden not in hands.see(queries.listed_at, FAR, 9, "Person")
    assert not hands.see(queries.has_demo, AT.host)
    hands.local("ola", demo=True)
    assert hands.see(queries.has_demo, AT.host)
    assert hands.see(queries.by_ids, [shown.id, group.id, 1]) == {shown.id: shown, group.id: group}
