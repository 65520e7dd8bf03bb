"""The door of a town, and a stranger before it who may lie."""

from dataclasses import dataclass

import httpx

from fedi_cluster.kernel.json import Json
from tests.towns.looking import row_counts
from tests.towns.stranger import Forgery, Guest, SignedAs, Stranger
from tests.towns.town import Town, Towns

NUMBERS = iter(range(10_000))


@dataclass(slots=True)
class Door:
    """A town, a stranger with a person, and an activity that would be taken."""

    sea: Towns
    town: Town
    there: Stranger
    mia: Guest
    wish: Json

    async def refuses(self, answer: httpx.Response, status: int, reads: int = 0) -> None:
        """The answer is a problem with a text, no table grew, and so many documents were read."""
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        said = answer.json()
        assert said["status"] == status
        assert said["error"] == said["detail"] != ""
        assert await row_counts(self.town) == self.before
        assert len(self.sea.network.log) - self.so_far == reads, self.sea.network.log[self.so_far :]

    before: dict[str, int]
    so_far: int

    async def post(self, what: Json | bytes | None = None, *, form: SignedAs = "cavage") -> httpx.Response:
        """An honest delivery by the person."""
        return await self.there.post(self.town, self.mia, self.wish if what is None else what, form=form)

    async def lie(self, *, form: SignedAs = "cavage", **lies: object) -> httpx.Response:
        """A delivery signed otherwise than it should be."""
        forged = Forgery(**lies)  # type: ignore[arg-type]
        return await self.there.post(self.town, self.mia, self.wish, form=form, forged=forged)
