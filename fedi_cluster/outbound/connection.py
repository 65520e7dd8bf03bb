"""One connection to one server: it writes a request at once, reads the answer as it comes, and opens nothing.

llhttp (by httptools) judges the form of an answer. It bounds nothing: sizes and times are bounded here.
"""

import asyncio
from typing import Protocol, cast

import httptools

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.body import Body, too_large
from fedi_cluster.outbound.transport import Answer, Bounds

LONGEST_LINE = 8 * 1024
"""Bytes of one header, as most servers hold it."""

LONGEST_HEAD = 64 * 1024
"""Bytes of a head, and of whatever comes later (chunk extensions, trailers) without a byte of the body."""

MOST_LINES = 128
"""Headers of one answer, with its interim answers and its trailers."""

MOST_INTERIM = 8
"""Answers 1xx before the one that counts."""

_LONGEST_REST = 5.0
"""Seconds for a body that nobody needs: read to its end, its connection can be used again."""

_LAST_MOMENT = 0.02
"""Seconds before the end in which a body is left: a delivery whose status is known then has not failed."""

_NO_BODY = {204, 304}


class BadAnswer(ValueError):
    """What came is no answer that we read."""


class Stale(ConnectionError):
    """A kept connection that ended before the first byte of an answer: the server was just closing it."""


class _Enough(Exception):
    """Stops the parser: the answer is whole."""


class Owner(Protocol):
    """Who holds connections: is told once of each answer's end."""

    def rested(self, connection: "Connection") -> None:
        """The connection is free for the next request."""
        ...

    def ended(self, connection: "Connection") -> None:
        """The connection is of no use any more."""
        ...


class Connection(asyncio.Protocol):
    """Carries one exchange after the other; `origin` is whose it is, and means nothing here.

    Whatever comes while nobody asked ends it: bytes that were not asked for must not answer the next request.
    """

    __slots__ = (
        "_answered", "_bare", "_body", "_bounds", "_deadline", "_interim", "_kept", "_left",
        "_lines", "_loop", "_named", "_owner", "_parser", "_status", "_timer", "_transport", "_until", "_url",
        "_used", "_whole", "origin",
    )  # fmt: skip

    _bounds: Bounds
    _timer: asyncio.TimerHandle
    _until: float
    _deadline: float

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, origin: object) -> None:
        self.origin = origin
        self._loop = loop
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[Answer] | None = None
        self._used = False
        self._parser = httptools.HttpResponseParser(self)
        # Seen in the wild, and no second reading: lines that end with LF alone, blanks behind a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop; by the pool once more with TLS on top."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own kind

    @property
    def transport(self) -> asyncio.Transport | None:
        """What carries it; None once it has ended."""
        return self._transport

    def ask(self, request: bytes, url: str, bounds: Bounds, until: float) -> "asyncio.Future[Answer]":
        """Sends a whole request; its answer comes as told by `bounds`, until the loop's time `until`.

        Who stops waiting says so by `leave`. Raises, here or from the future, Stale, TimeoutError, OSError,
        BadAnswer, and what `Body` raises.
        """
        if self._transport is None or self._transport.is_closing():
            raise self._torn(None)
        self._answered = answered = self._loop.create_future()
        self._url = url
        self._bounds = bounds
        self._until = until
        self._named: dict[str, str] = {}
        self._body: Body | None = None
        self._whole = False
        self._status = self._bare = self._lines = self._interim = 0
        self._left = LONGEST_HEAD
        self._deadline = min(self._loop.time() + bounds.read, until)
        self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        self._transport.write(request)
        return answered

    def leave(self, answered: "asyncio.Future[Answer]") -> None:
        """Ends the connection if it still works on this answer: half an answer must not stay in it."""
        if self._answered is answered:
            self.close()

    def close(self) -> None:
        """Ends it at once, whatever is on the way; a second time does nothing."""
        if self._answered is not None:
            self._settle(ConnectionAbortedError("the connection was closed"))
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            del self._parser  # which knows this connection, too: nothing is left to the garbage collector
            self._owner.ended(self)

    # What the loop tells.

    def data_received(self, data: bytes) -> None:
        """Called by the loop with what came."""
        if self._answered is None:
            self.close()
            return
        self._bare += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._whole:
                self._fail(_reason(error))
                return
            self._kept = False
        if self._whole:
            self._finish()
        elif self._bare > LONGEST_HEAD:
            self._fail(BadAnswer("too much without a byte of the body"))
        elif not self._status:
            self._deadline = min(self._loop.time() + self._bounds.read, self._until)

    def eof_received(self) -> None:
        """Called by the loop where the server sends no more."""
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop at the end."""
        self._ended(error)

    def _ended(self, error: Exception | None) -> None:
        if self._answered is not None:
            named = self._named
            framed = "content-length" in named or "transfer-encoding" in named
            if error is None and self._status and not framed:
                self._kept = False
                self._finish()
            else:
                self._fail(self._torn(error))
        self.close()

    def _torn(self, error: Exception | None) -> Exception:
        nothing_came = self._answered is None or not (self._bare or self._status)
        if self._used and nothing_came:
            return Stale("the kept connection had ended")
        if isinstance(error, OSError):  # also of TLS
            return error
        return ConnectionResetError("the connection ended before its answer")

    # What the parser finds. Who raises here stops it, and `data_received` gets to know.

    def on_message_begin(self) -> None:
        """The first byte of an answer; after the end of the one that was asked for, it is one too many."""
        if self._whole:
            raise _Enough

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is counted and dropped."""
        size = len(name) + len(value)
        self._lines += 1
        self._left -= size
        if size > LONGEST_LINE or self._left < 0 or self._lines > MOST_LINES:
            raise BadAnswer("too large a head")
        if self._status:
            return
        key = name.decode("ascii").lower()
        text = value.decode("utf-8", "surrogateescape").strip(" \t")
        named = self._named
        named[key] = f"{named[key]}, {text}" if key in named else text

    def on_headers_complete(self) -> None:
        """The end of a head, or of an interim one."""
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            if (status <= 101 and status != 100) or self._interim > MOST_INTERIM:
                raise BadAnswer(f"status {status}, or too many before the answer")
            return
        named = self._named
        if named.get("transfer-encoding", "chunked").lower() != "chunked":
            raise BadAnswer("a transfer coding that we did not ask for")
        self._status = status
        length = named.get("content-length")
        if length == "0" or status in _NO_BODY:
            return
        bounds = self._bounds
        if length is not None and int(length) > bounds.max_bytes and not bounds.cut:
            raise too_large()
        self._body = Body(named.get("content-encoding", ""), bounds.max_bytes)
        longest = min(bounds.read, _LONGEST_REST) if bounds.cut else bounds.read
        self._deadline = min(self._loop.time() + longest, self._until - _LAST_MOMENT)
        if self._deadline < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def on_body(self, chunk: bytes) -> None:
        """A piece of the body, without its framing."""
        self._bare = 0
        if self._body is None:
            raise BadAnswer("a body where none may be")
        self._body.feed(chunk)

    def on_message_complete(self) -> None:
        """The end of an answer, or of an interim one."""
        if self._status:
            self._whole, self._kept = True, self._parser.should_keep_alive()
        else:
            self._named.clear()

    # How an exchange ends.

    def _look_at_the_clock(self) -> None:
        """One timer an exchange: bytes of a head only move the deadline; the timer follows when it rings."""
        if self._deadline - self._loop.time() > 0.001:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._fail(TimeoutError("no answer in time"))

    def _finish(self) -> None:
        try:
            content = b"" if self._body is None else self._body.end()
        except Unreachable as error:
            self._fail(error)
            return
        self._settle(Answer(self._status, self._named, content, self._url))
        if self._kept:
            self._used = True
            self._owner.rested(self)
        else:
            self.close()

    def _fail(self, error: BaseException) -> None:
        """Of an answer that may be cut, what came until here is enough; the connection ends in any case."""
        if self._status and self._bounds.cut:
            content = b"" if self._body is None else self._body.so_far()
            self._settle(Answer(self._status, self._named, content, self._url))
        else:
            self._settle(error)
        self.close()

    def _settle(self, how: Answer | BaseException) -> None:
        answered, self._answered = self._answered, None
        self._timer.cancel()
        self._body = None
        if answered is None or answered.done():  # nobody waits any more
            return
        if isinstance(how, Answer):
            answered.set_result(how)
        else:
            answered.set_exception(how)


def _reason(error: httptools.HttpParserError) -> BaseException:
    """What was raised in a callback, else what the parser says."""
    if isinstance(error, httptools.HttpParserCallbackError) and error.__context__ is not None:
        return error.__context__
    return BadAnswer(str(error))
