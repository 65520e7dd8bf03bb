"""Gathers the body of an answer and decodes gzip under a limit on decoded bytes; it never reads ahead."""

import zlib

from fedi_cluster.kernel.errors import TooLarge, Unreachable
from fedi_cluster.outbound.guard import NOT_READABLE

_IDENTITY = {"", "identity"}
_GZIP = {"gzip", "x-gzip"}


class Body:
    """Takes chunks as they come; `coding` is the Content-Encoding of the answer.

    Raises Unreachable (permanent) for a coding that we did not ask for or broken gzip, TooLarge as soon as
    more than `max_bytes` came in or would come out.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        coding = coding.strip().lower()
        if coding not in _IDENTITY | _GZIP:
            raise _broken(f"content coding {coding[:40]!r}")
        self._unpack = zlib.decompressobj(wbits=31) if coding in _GZIP else None
        self._fed = False
        self._left_raw = max_bytes
        self._left = max_bytes
        self._kept = bytearray()  # not the pieces: thousands of tiny ones would weigh far more than the bound

    def feed(self, chunk: bytes) -> None:
        """One chunk as it came over the wire."""
        self._left_raw -= len(chunk)
        if self._left_raw < 0:  # also ends gzip that unpacks to nothing for ever
            raise too_large()
        if self._unpack is None:
            self._keep(chunk)
            return
        while chunk:
            self._fed = True
            if self._unpack.eof:  # a file of several members (RFC 1952, 2.2)
                self._unpack = zlib.decompressobj(wbits=31)
            try:
                self._keep(self._unpack.decompress(chunk, self._left + 1))
            except zlib.error as error:
                raise _broken("broken gzip") from error
            chunk = self._unpack.unconsumed_tail or self._unpack.unused_data

    def _keep(self, decoded: bytes) -> None:
        self._left -= len(decoded)
        if self._left < 0:
            raise too_large()
        self._kept += decoded

    def end(self) -> bytes:
        """The whole body; raises Unreachable where gzip stopped in the middle."""
        if self._unpack is not None and self._fed and not self._unpack.eof:
            raise _broken("gzip without its end")
        return self.so_far()

    def so_far(self) -> bytes:
        """What came until now."""
        return bytes(self._kept)


def too_large() -> TooLarge:
    """The error for an answer over its limit."""
    return TooLarge("The answer of the other server is too large.")


def _broken(detail: str) -> Unreachable:
    return Unreachable(NOT_READABLE, permanent=True, detail=detail)
