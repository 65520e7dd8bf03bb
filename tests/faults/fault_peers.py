"""Peers that hang, drip, reset, answer nonsense or errors, and names without an address: the others do not wait,
and whoever recovers gets everything, once and in order (threats REL-007, REL-035, REL-036)."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults import named
from tests.faults.machine import LOOPBACK, Machine, until
from tests.faults.peer import WELL, Manner, Peer, peer
from tests.faults.slow import each_post_comes_once, follow, sisters_get_in_step, texts

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

RETRY_AFTER = 4
HALF_A_MINUTE = 29.0
MANNERS = {
    "well": WELL,
    "hang": Manner(worse="hang"),
    "drip": Manner(worse="drip"),
    "reset": Manner(worse="reset"),
    "garbage": Manner(worse="garbage"),
    "toomany": Manner(429, (("Retry-After", str(RETRY_AFTER)),)),
    "busy": Manner(503),
    "moved": Manner(301, (("Location", "http://elsewhere.localhost:1/inbox"),)),
    "gone": Manner(410),
}
POSTS = 5
_FIRST_RETRY = 30
_SLACK = 25


@pytest.fixture
async def peers() -> AsyncIterator[dict[str, Peer]]:
    """One peer for each manner, all well at first."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(peer(name)) for name in MANNERS}


async def test_bad_peers_delay_nobody_and_lose_nothing(machine: Machine, peers: dict[str, Peer]) -> None:
    machine.variables |= {"FEDI_CLUSTER_LIMITS_DELIVERY_TOTAL": "3", "FEDI_CLUSTER_LIMITS_READ": "2"}
    await machine.start()
    for one in peers.values():
        await follow(machine, one)
    for name, one in peers.items():
        one.manner = MANNERS[name]
    wanted = []
    for number in range(POSTS):
        began = time.monotonic()
        await machine.said("post", "--no-region", f"News {number}")
        wanted.append(f"<p>News {number}</p>")

        async def arrived() -> bool:
            return texts(peers["well"]) == wanted

        await until(f"post {number} at the peer that is well", arrived, within=15)
        print(f"post {number} at the well one after {time.monotonic() - began:.2f} s")
    tries = {name: {uri: list(times) for uri, times in one.times.items()} for name, one in peers.items()}
    for one in peers.values():
        one.manner = WELL
    recovered = time.monotonic()
    others = [name for name in MANNERS if name not in ("well", "gone")]

    async def caught_up() -> bool:
        return all(texts(peers[name]) == wanted for name in others)

    await until("all recovered peers have all, in order", caught_up, within=_FIRST_RETRY + _SLACK)
    print(f"all others caught up {time.monotonic() - recovered:.1f} s after they recovered")
    for name in others:
        told = [str(activity["object"]["id"]) for activity in peers[name].heard("Create")]  # type: ignore[index]
        assert len(told) == len(set(told)), f"{name} was told of one post by two activities"
    _check_pauses(tries, peers)


def _check_pauses(tries: dict[str, dict[str, list[float]]], peers: dict[str, Peer]) -> None:
    """Nobody was pressed: one try of the first delivery, and the next after what was asked for, or 30 s."""
    for name, one in peers.items():
        if name in ("well", "gone"):
            continue
        tried = _posts_tried(one.times)
        pause = RETRY_AFTER if name == "toomany" else _FIRST_RETRY * 0.75
        # A kept connection that tears is no answer: it is knocked once more on a fresh one.
        assert sum(moment < tried[0] + pause for moment in tried) <= 2, (name, tried)
    assert len(_posts_tried(tries["gone"])) <= 1, "an inbox that is gone was tried again"
    assert texts(peers["gone"]) == []


def _posts_tried(times: dict[str, list[float]]) -> list[float]:
    """All tries but that of the Accept, which came first."""
    return sorted(moment for tries in times.values() for moment in tries)[1:]


async def test_a_sign_of_life_opens_the_lane_at_once(machine: Machine, there: Peer) -> None:
    await machine.start()
    await follow(machine, there)
    there.manner = Manner(503)
    page_and_id = await machine.said("post", "--no-region", "While you were away")
    post = page_and_id.split()[1]

    async def tried() -> bool:
        return len(there.times) > 1

    await until("a first try", tried)
    there.manner = WELL
    async with machine.client() as client:
        assert await there.tell(client, machine, there.activity(there.person("reader"), "Like", post)) == 202

    async def arrived() -> bool:
        return bool(texts(there))

    await until("the post", arrived, within=_FIRST_RETRY / 3)


async def test_names_without_an_address(machine: Machine, there: Peer, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text(f"peer.example {LOOPBACK}\n")
    machine.launcher = ("-m", "tests.faults.named")
    machine.variables |= {named.VARIABLE: str(names), "FEDI_CLUSTER_LIMITS_CONNECT": "2"}
    await machine.start()
    async with peer("well") as well:
        await follow(machine, well)
        there.domain = "example"
        await follow(machine, there)
        machine.stop()  # it has held the address for some minutes
        names.write_text("")
        await machine.start()
        for number, away in enumerate(("unknown", "no answer")):
            names.write_text("") if away == "unknown" else names.unlink()
            began = time.monotonic()
            await machine.said("post", "--no-region", f"News {number}")

            async def arrived(count: int = number + 1) -> bool:
                return len(texts(well)) == count

            await until("the post at the other", arrived, within=15)
            print(f"{away}: the other had it after {time.monotonic() - began:.2f} s")
            assert len(texts(there)) == 0
        names.write_text(f"peer.example {LOOPBACK}\n")

        async def caught_up() -> bool:
            return texts(there) == ["<p>News 0</p>", "<p>News 1</p>"]

        await until("the name is found again", caught_up, within=_FIRST_RETRY + _SLACK)


async def test_a_peer_that_answers_after_29_seconds_gets_each_post_once(
    machine: Machine, there: Peer
) -> None:
    await each_post_comes_once(machine, there, HALF_A_MINUTE)


@pytest.mark.timeout(900)
async def test_a_sister_that_answers_after_29_seconds_is_in_step(tmp_path: Path) -> None:
    await sisters_get_in_step(tmp_path, HALF_A_MINUTE, {})
