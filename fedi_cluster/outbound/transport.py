"""What one exchange with one server is: a request, what it may cost, and its answer; it knows no socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: `headers` with lower-case names, `body` decoded, `url` where it was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one exchange may cost: decoded bytes, and seconds to connect, to read (the answer's head, and its
    body) and in all. With `cut` an answer's body over a bound is cut instead of refused: of a delivery only
    the status counts.
    """

    max_bytes: int
    connect: float
    read: float
    total: float
    cut: bool = False


class Transport(Protocol):
    """Carries one request to one server; the towns of the tests have one without sockets."""

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """The answer, whatever its status; raises Unreachable, and TooLarge for a body over the bound."""
        ...

    async def close(self) -> None:
        """Lets go of all connections."""
        ...
