"""What the community needs of strangers' servers, told as a Protocol; federation fills it."""

from typing import Protocol

from fedi_cluster.community.actors.shapes import Actor


class ResolveActor(Protocol):
    """Makes a remote actor known; awaited by an interface before its transaction opens."""

    async def __call__(self, reference: str) -> Actor:
        """The actor behind an id or a `name@host` handle.

        Raises `NotFound` where there is none, `Unreachable` where its server does not answer.
        """
        ...


class SubscribeTemplate(Protocol):
    """Where a server wants its people to go to follow or answer something; awaited outside transactions."""

    async def __call__(self, handle: str) -> str | None:
        """The address with `{uri}` in it that the server of `name@host` gives (OStatus `subscribe`).

        None where it answers and gives none. Raises `NotFound` where it does not know the name,
        `Unreachable` where it does not answer.
        """
        ...
