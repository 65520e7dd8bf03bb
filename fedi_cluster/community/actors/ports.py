"""What the community needs of strangers' servers, told as a Protocol; federation fills it."""

from typing import Protocol


class SubscribeTemplate(Protocol):
    """Where a server wants its people to go to follow or answer something; awaited outside transactions."""

    async def __call__(self, handle: str) -> str | None:
        """The address with `{uri}` in it that the server of `name@host` gives (OStatus `subscribe`).

        None where it answers and gives none. Raises `NotFound` where it does not know the name,
        `Unreachable` where it does not answer.
        """
        ...
