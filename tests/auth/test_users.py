"""Users: one for each actor and each address, in a known role."""

import pytest

from fedi_cluster.auth import users
from fedi_cluster.auth.users import User
from fedi_cluster.kernel.errors import Conflict, Invalid
from fedi_cluster.storage.database import Database


def test_a_user_is_found_by_actor_and_by_address(db: Database, ola: User, actor_id: int) -> None:
    assert db.read_now(users.by_actor, actor_id) == ola
    assert db.read_now(users.by_email, " OLA@szczecin.example") == ola
    assert db.read_now(users.by_email, "nobody@szczecin.example") is None
    assert db.read_now(users.by_actor, 1) is None
    assert list(db.read_now(users.list_users)) == [ola]


def test_neither_actor_nor_address_is_given_twice(db: Database, ola: User, actor_id: int) -> None:
    with pytest.raises(Conflict):
        db.write_now(users.add, actor_id, "another@szczecin.example", "member", "h")
    with pytest.raises(Conflict):
        db.write_now(users.add, actor_id + 1, "Ola@Szczecin.example", "member", "h")


@pytest.mark.parametrize(
    "email",
    ["", "ola", "@szczecin.example", "ola@", "o la@x.example", "a@b@c.example", "x@" + "y" * 260, "a@b\nc"],
)
def test_what_cannot_be_an_address_is_refused(db: Database, actor_id: int, email: str) -> None:
    with pytest.raises(Invalid):
        db.write_now(users.add, actor_id, email, "member", "h")


@pytest.mark.parametrize(
    "email", ["ola@localhost", "ola.z+fedi@mail.szczecin.example", "żółw@przykład.example"]
)
def test_addresses_of_all_kinds_are_taken(email: str) -> None:
    assert users.normal_email(email) == email


def test_an_unknown_role_is_refused(db: Database, actor_id: int) -> None:
    with pytest.raises(Invalid):
        db.write_now(users.add, actor_id, "ola@szczecin.example", "root", "h")
