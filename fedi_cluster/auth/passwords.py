"""Passwords as argon2id hashes; it neither stores nor limits tries, and never shows what was typed."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from fedi_cluster.kernel.errors import Invalid

SHORTEST = 10
LONGEST = 1024
"""Bytes of UTF-8 (limits.md, "password")."""


@cache
def _hasher() -> PasswordHasher:
    # limits.md, "argon2id"; twice the floor that OWASP names, with 64 MiB for one hash at a time.
    return PasswordHasher(
        time_cost=3, memory_cost=64 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
    )


def hash_password(password: str) -> str:
    """The hash to store, with its own salt and costs; takes about a tenth of a second of one core.

    Raises `Invalid` where the password has fewer than 10 or more than 1,024 bytes.
    """
    size = len(password.encode())
    if size < SHORTEST:
        raise Invalid(
            f"The password is too short: {SHORTEST} characters at least; four unrelated words do well.",
            fields={"password": "too short"},
        )
    if size > LONGEST:
        raise Invalid(
            f"The password is too long: {LONGEST:,} bytes at most.", fields={"password": "too long"}
        )
    return _hasher().hash(password)


def fits(stored: str, password: str) -> bool:
    """Whether a password is the one of a stored hash; a hash that cannot be read fits nothing."""
    if len(password.encode()) > LONGEST:
        return False
    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
