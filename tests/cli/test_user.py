"""`user`: adding, listing, tokens."""

import pytest
from sqlalchemy import select

from fedi_cluster.auth import passwords, tokens, users
from fedi_cluster.cli import user as user_file
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.storage.tables.auth import user as user_table
from tests.cli.conftest import PASSWORD, Instance

OLA = ("user", "add", "ola", "--email", "Ola@Szczecin.example", "--role", "host")


def test_a_person_is_added_with_a_password_from_standard_input(instance: Instance) -> None:
    said = instance.command(*OLA, "--display-name", "Ola Z.", given=PASSWORD)
    assert "https://szczecin.example/@ola" in said
    assert PASSWORD.strip() not in said
    house = instance.house()
    ola = house.db.read_now(actor_queries.need_local, "ola")
    user = house.db.read_now(users.by_actor, ola.id)
    assert (ola.name, ola.type) == ("Ola Z.", "Person")
    assert user is not None
    assert (user.email, user.role) == ("ola@szczecin.example", "host")
    stored = house.db.read_now(
        lambda reader: reader.connection.execute(select(user_table.c.password_hash)).scalar()
    )
    house.db.close()
    assert stored is not None
    assert passwords.fits(stored, PASSWORD.strip())


def test_a_terminal_asks_twice(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_file, "is_terminal", lambda: True)
    typed = "four unrelated words\nfour unrelated wards\nfour unrelated words\nfour unrelated words\n"
    said = instance.command(*OLA, given=typed)
    assert "words" not in said
    assert "ola@szczecin.example" in said


def test_what_may_not_be_is_refused_and_leaves_nothing(instance: Instance) -> None:
    refused = {
        ("ola", "ola@szczecin.example", "short\n"): "too short",
        ("ola", "ola@szczecin.example", ""): "standard input",
        ("ola", "no address", PASSWORD): "e-mail",
        ("admin", "ola@szczecin.example", PASSWORD): "reserved",
        ("Ola!", "ola@szczecin.example", PASSWORD): "a–z",
    }
    for (name, email, given), why in refused.items():
        said = instance.fault("user", "add", name, "--email", email, "--role", "member", given=given)
        assert why in said
    assert "Nobody" in instance.command("user", "list")


def test_names_and_addresses_are_given_once(instance: Instance) -> None:
    instance.command(*OLA, given=PASSWORD)
    assert "never given twice" in instance.fault(
        "user", "add", "ola", "--email", "b@szczecin.example", "--role", "member", given=PASSWORD
    )
    assert "another account" in instance.fault(
        "user", "add", "eva", "--email", "ola@szczecin.example", "--role", "member", given=PASSWORD
    )
    listed = instance.command("user", "list")
    assert "ola@szczecin.example" in listed
    assert "eva" not in listed


def test_the_editorial_account_gets_somebody_who_signs_in_once(instance: Instance) -> None:
    add = ("user", "add", "redakcja", "--role", "editor", "--email")
    instance.command(*add, "office@szczecin.example", given=PASSWORD)
    assert "never given twice" in instance.fault(*add, "b@szczecin.example", given=PASSWORD)


def test_an_organisation_signs_in(instance: Instance) -> None:
    instance.command(
        "user", "add", "hala", "--email", "h@szczecin.example", "--role", "member", "--type", "organisation",
        given=PASSWORD,
    )  # fmt: skip
    house = instance.house()
    assert house.db.read_now(actor_queries.need_local, "hala").type == "Organization"
    house.db.close()


def test_a_token_stands_alone_on_standard_output(instance: Instance) -> None:
    instance.command(*OLA, given=PASSWORD)
    said = instance.command("user", "token", "ola", "--scopes", "read write follow push")
    assert len(said.split()) == 1
    house = instance.house()
    found = house.db.read_now(tokens.find, said.strip())
    house.db.close()
    assert found is not None
    assert found[0].email == "ola@szczecin.example"
    assert found[1] == ("read", "write", "follow", "push")
    assert "not a scope" in instance.fault("user", "token", "ola", "--scopes", "rule")
    assert "Nobody signs in" in instance.fault("user", "token", "redakcja", "--scopes", "read")
    assert "no account" in instance.fault("user", "token", "eva", "--scopes", "read")
