"""A database with an actor of which auth knows the id alone."""

from collections.abc import Iterator

import pytest

from fedi_cluster.auth import users
from fedi_cluster.auth.users import User
from fedi_cluster.cli.keys import fresh_keys
from fedi_cluster.community.actors import actions
from fedi_cluster.community.actors.actions import NewActor
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database

AT = Addresses("https://szczecin.example", "szczecin.example")


@pytest.fixture
def db(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url, SystemClock(), IdSource())
    yield database
    database.close()


@pytest.fixture
def actor_id(db: Database) -> int:
    keys = fresh_keys(AT.actor("ola"))
    new = NewActor(name="ola", type="Person", display_name="Ola", own=keys.own, public=keys.public)
    return db.write_now(actions.create, AT, new).id


@pytest.fixture
def ola(db: Database, actor_id: int) -> User:
    return db.write_now(users.add, actor_id, "ola@szczecin.example", "editor", "$argon2id$hash")
