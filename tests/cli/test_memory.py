"""What is not needed does not stay ours: holes between what is kept, and old rings."""

import asyncio
import ctypes
import gc
import weakref
from pathlib import Path

import pytest

from fedi_cluster.cli.memory import given_back

pytestmark = pytest.mark.anyio

_PAGE = 4096


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives back by itself"
)
async def test_what_is_free_between_what_is_kept_is_given_back() -> None:
    kept = [bytearray(3 * _PAGE) for _ in range(2000)]
    del kept[:-1:2]
    before = _resident()
    async with given_back(each=0.01):
        await asyncio.sleep(0.1)
    assert before - _resident() > 1000 * _PAGE
    assert len(kept) == 1000


async def test_a_ring_that_nobody_holds_does_not_stay() -> None:
    class Ring:
        def __init__(self) -> None:
            self.me = self

    gc.disable()
    try:
        gone = weakref.ref(Ring())
        await asyncio.sleep(0.02)
        assert gone() is not None, "nobody has looked for it"
        async with given_back(each=0.01):
            await asyncio.sleep(0.1)
        assert gone() is None
    finally:
        gc.enable()
