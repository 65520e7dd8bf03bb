"""How a process that runs for long uses memory; it holds nothing itself."""

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_ARENAS = -8
"""M_ARENA_MAX of mallopt(3)."""

_EACH = 15.0
"""Seconds between two times that memory is tidied up."""


def share_one_arena() -> None:
    """All threads allocate from one place, before any of them does.

    The C library of most systems gives each thread an arena of its own, whose holes serve no other thread:
    after half an hour of work they were a tenth of our memory. Threads of Python rarely allocate at the same
    time.
    """
    with suppress(OSError, AttributeError):  # another C library, which has no arenas
        ctypes.CDLL(None).mallopt(_ARENAS, 1)


def keep_what_is_loaded() -> None:
    """What is loaded now stays for good: no collection walks through it again.

    What comes after is looked through less often than by default: a batch of posts is thousands of objects,
    nearly none of them in a ring, and looking for rings was a tenth of its time. Old rings are left to
    `given_back`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@asynccontextmanager
async def given_back(each: float = _EACH) -> AsyncIterator[None]:
    """For the time of the block, what is not needed goes back to the machine every `each` seconds.

    Rings that have become old would else be looked for after millions of objects. And by itself the C library
    gives back what lies at the end of its arena alone: large documents of a busy minute leave holes below
    what is kept, a fifth of the arena after a quarter of an hour.
    """
    giving = asyncio.create_task(_give_back(each))
    try:
        yield
    finally:
        giving.cancel()


async def _give_back(each: float) -> None:
    while True:
        await asyncio.sleep(each)
        gc.collect()  # some milliseconds, as the next line
        with suppress(OSError, AttributeError):  # another C library, which decides for itself
            ctypes.CDLL(None).malloc_trim(0)
