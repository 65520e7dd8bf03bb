"""What copies of a database are made of, on every engine: contents, steps, and what can be wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fedi_cluster.kernel.errors import ClusterError


class DamagedCopy(ClusterError):
    """A copy is not what it was when it was made, or never was whole."""


class NotEmpty(ClusterError):
    """There is a database where a copy is to be put back, and nobody said that it may be moved aside."""


class InUse(ClusterError):
    """A server, or another command, works with the database that is to be replaced."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a database: `schema` is the revision of its migrations, `counts` the rows of each table."""

    schema: str | None
    counts: Mapping[str, int]


class Place(Protocol):
    """One database, as far as copies need it. All methods raise `ClusterError` with one sentence."""

    engine: str
    """`sqlite` or `postgresql`."""

    file_name: str
    """The name of the database's file in a copy."""

    def size(self) -> int:
        """The most bytes that a copy can take."""
        ...

    def contents(self) -> Contents:
        """What is in the database now."""
        ...

    def take(self, target: Path) -> Contents:
        """Write the database as it is at one moment to the new file `target`, readable by us alone.

        Whoever writes meanwhile is not held up, and what they write is not in the copy. Gives what is in it.
        """
        ...

    def examine(self, file: Path) -> None:
        """Read a copy of the database from end to end; raises DamagedCopy where it could not be put back."""
        ...

    def put_back(
        self, file: Path, prepare: Callable[[str], None], *, stamp: str, replace: bool
    ) -> str | None:
        """Make the database what the copy `file` is.

        `prepare` gets the URL of what was put back before it counts; where it raises, all is as it was. With
        `replace` a database that is there is moved aside under a name with `stamp` (letters and digits), and
        that name is given. Raises NotEmpty and InUse.
        """
        ...
