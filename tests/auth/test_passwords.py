"""Passwords: the costs of limits.md, lengths in bytes, and hashes that fit one password alone."""

import pytest

from fedi_cluster.auth import passwords
from fedi_cluster.kernel.errors import Invalid

GOOD = "four unrelated words"


@pytest.fixture(scope="module")
def stored() -> str:
    return passwords.hash_password(GOOD)


def test_the_costs_are_those_of_the_limits(stored: str) -> None:
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_only_the_right_password_fits(stored: str) -> None:
    assert passwords.fits(stored, GOOD)
    assert not passwords.fits(stored, GOOD + " ")
    assert not passwords.fits(stored, "x" * 1025)
    assert not passwords.fits("no hash at all", GOOD)


def test_the_same_password_has_another_hash_each_time(stored: str) -> None:
    assert passwords.hash_password(GOOD) != stored


@pytest.mark.parametrize("password", ["", "nine sign", "x" * 1025, "ż" * 513])
def test_too_short_and_too_long_ones_are_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.hash_password(password)
    assert "password" in refused.value.fields
    assert not password or password not in refused.value.public


def test_length_counts_bytes() -> None:
    assert passwords.fits(passwords.hash_password("żółw!!!"), "żółw!!!")
