"""Whether this process still takes new requests; the one place that knows that it is about to end."""


class Readiness:
    """Of one process of one instance: ready from the start, until it is told to drain."""

    __slots__ = ("_draining",)

    def __init__(self) -> None:
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the process ends what is open and wants no more."""
        return self._draining

    def drain(self) -> None:
        """From now on `GET /ready` answers 503: whoever spreads the load sends new requests elsewhere."""
        self._draining = True
