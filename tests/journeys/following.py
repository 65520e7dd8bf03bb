"""What stories of following share: a follower elsewhere, and what a town knows."""

from fedi_cluster.community.posts.shapes import Post
from tests.towns.looking import between
from tests.towns.stranger import Guest, Stranger
from tests.towns.town import Town


async def fan(there: Stranger, town: Town, name: str, target: str, **options: object) -> Guest:
    """A person of a stranger who follows a local actor and was accepted."""
    guest = there.person(name, **options)  # type: ignore[arg-type]
    await there.say(town, guest, there.activity(guest, "Follow", target))
    found = await between(town, guest.uri, target)
    assert found is not None
    assert found.state == "accepted"
    return guest


async def region_of(town: Town) -> str:
    return (await town.region()).uri


async def known(town: Town, uri: object) -> Post:
    """The post as the town has it; it must have it."""
    found = await town.find(str(uri))
    assert found is not None
    return found
