"""A local account with somebody who signs in: actor and user in one transaction; it asks nobody anything."""

from fedi_cluster.auth import users
from fedi_cluster.cli.keys import fresh_keys
from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import NewActor
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.unit import Unit
from fedi_cluster.timelines import home
from fedi_cluster.wiring import House


def new_actor(house: House, name: str, type_: str, display_name: str | None) -> NewActor:
    """A local actor to be, with fresh keys; made before the transaction, because keys take a moment."""
    keys = fresh_keys(house.at.actor(name))
    shown = display_name or name
    language = house.settings.language
    return NewActor(
        name=name,
        type=type_,
        display_name=shown,
        own=keys.own,
        public=keys.public,
        name_map={language: shown},
        language=language,
    )


def add_user(
    unit: Unit, at: Addresses, fresh: NewActor, *, email: str, role: str, password_hash: str
) -> Actor:
    """Makes the actor, or takes the one of that name that nobody signs in to, and gives it the user.

    Raises `Conflict` where the name is or was in use, `Invalid` for what `users.add` refuses.
    """
    known = actor_queries.local(unit, fresh.name)
    if known and (known.deleted_at or known.type != "Organization" or users.by_actor(unit, known.id)):
        raise Conflict(f"The name “{fresh.name}” is or was in use here; names are never given twice.")
    actor = known or actor_actions.create(unit, at, fresh)
    users.add(unit, actor.id, email, role, password_hash)
    if known:
        # Whom it follows was nobody's home timeline until now.
        home.rebuild(unit, actor.id)
    return actor
