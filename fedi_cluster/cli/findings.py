"""What an examination finds: a grade, a sentence, and what to do about it; pure."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How bad it is."""

    FINE = "fine"
    MIND = "mind"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do, and is empty where all is well."""

    grade: Grade
    what: str
    advice: str = ""


def fine(what: str) -> Finding:
    """All is well."""
    return Finding(Grade.FINE, what)


def mind(what: str, advice: str) -> Finding:
    """It works, but is worth a look."""
    return Finding(Grade.MIND, what, advice)


def wrong(what: str, advice: str) -> Finding:
    """It does not work, or soon will not."""
    return Finding(Grade.WRONG, what, advice)
