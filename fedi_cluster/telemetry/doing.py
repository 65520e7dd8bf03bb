"""What this task is working on, so that every log line can say so: ids, kinds and hosts, never content.

A request or a job begins with `now_doing(...)`; what is learned on the way is added by `also_doing(...)`.
Both hold for the present asyncio task and for what it starts from then on, and cost under a microsecond:

    now_doing(request="6f1c…")                          # http/watch.py, for each request
    now_doing(job=job.id, kind=job.kind)                # the worker, first thing in the task of a job
    also_doing(host=host_of(inbox))                     # a delivery, once it knows where it goes
    also_doing(activity=head.id)                        # the inbox, once it has read what it is about

A thread does not inherit it by itself: whoever hands work to one runs it in `contextvars.copy_context()`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType

Field = str | int

NAMES = ("request", "job", "kind", "host", "activity", "log")
"""What may be named; in this order a line of text shows them."""

_NOTHING: Mapping[str, Field] = MappingProxyType({})
_doing: ContextVar[Mapping[str, Field]] = ContextVar("fedi_cluster_doing", default=_NOTHING)


def now_doing(**fields: Field) -> Token[Mapping[str, Field]]:
    """From here on this task works on `fields` (of NAMES) and on nothing that was named before.

    What it gives leads back by `as_before`, where one task does one thing after the other.
    """
    return _doing.set(fields)


def as_before(token: Token[Mapping[str, Field]]) -> None:
    """The task works again on what it worked on before that `now_doing`."""
    _doing.reset(token)


def also_doing(**fields: Field) -> None:
    """Adds `fields` (of NAMES) to what this task works on."""
    _doing.set({**_doing.get(), **fields})


@contextmanager
def doing(**fields: Field) -> Iterator[None]:
    """The same for the time of a block."""
    before = _doing.set({**_doing.get(), **fields})
    try:
        yield
    finally:
        _doing.reset(before)


def what_is_done() -> Mapping[str, Field]:
    """What the present task works on; empty where nobody said."""
    return _doing.get()
