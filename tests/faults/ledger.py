"""What was asked for and what was acknowledged: the model that a server is held to after every fault.

An intent is written down before it is sent, its acknowledgement after; what was never acknowledged may have
happened or not, but never twice.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(eq=False)
class Written:
    """A post that somebody wrote by a command; `token` is a word that stands in every version of it.

    `texts` are the versions that may stand there now: one after an acknowledged edit, two after one that was
    cut off. `gone` is None where its deletion was cut off.
    """

    token: str
    uri: str | None = None
    texts: set[str] = field(default_factory=set)
    edits: int = 0
    gone: bool | None = False


@dataclass(eq=False)
class Note:
    """A note of the peer as it must stand at the end in the instance `at` (its base URL), which was told."""

    uri: str
    text: str
    at: str
    gone: bool = False


@dataclass(eq=False)
class Wish:
    """A Follow by a guest: `id` is the activity, `standing` whether it was not taken back."""

    id: str
    guest: str
    target: str
    standing: bool = True


@dataclass(eq=False)
class Ledger:
    """Everything that was attempted; `file` has one line for each intent and each acknowledgement."""

    file: Path
    written: list[Written] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    likes: dict[str, set[str]] = field(default_factory=dict)
    intents: int = 0
    acknowledged: int = 0
    _number: int = 0

    def at(self, base: str) -> "Ledger":
        """The part that was said to one instance, for a look."""
        return replace(
            self,
            notes=[note for note in self.notes if note.at == base],
            wishes=[wish for wish in self.wishes if wish.target.startswith(f"{base}/")],
            likes={uri: guests for uri, guests in self.likes.items() if uri.startswith(f"{base}/")},
        )

    def intend(self, what: str, **details: object) -> int:
        """Writes down what is about to be tried; gives its number."""
        self._number += 1
        self.intents += 1
        self._line({"intent": self._number, "what": what, **details})
        return self._number

    def acknowledge(self, number: int) -> None:
        """The server said that it is done."""
        self.acknowledged += 1
        self._line({"acknowledged": number})

    def _line(self, told: dict[str, object]) -> None:
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
