"""The family of errors; every one carries what a visitor may read, what we log, and whether again helps.

    ClusterError
    ├── Refused                 the request is understood and declined
    │   ├── Invalid         422  a value breaks a rule; `fields` says which
    │   ├── Malformed       400  it cannot be read at all
    │   ├── Unauthenticated 401  who asks is not proven
    │   ├── Forbidden       403  who asks is known and may not
    │   ├── NotFound        404  it does not exist, or not for this visitor
    │   ├── Conflict        409  it exists already or changed meanwhile
    │   ├── Gone            410  it existed and was deleted
    │   ├── TooLarge        413  over a limit
    │   ├── Unsupported     415  a media type that is not spoken here
    │   └── TooMany         429  slow down; `retry_after` seconds
    ├── Unavailable         503  something that we need is not there now
    └── Unreachable         502  another server cannot be read; `permanent` says whether again helps

It refuses to know HTTP frameworks: an interface turns an error into its own kind of answer.
"""

from collections.abc import Mapping


class ClusterError(Exception):
    """The root: `public` is for the visitor, `detail` for the log, `again`: may repeating help?"""

    status = 500
    again = False

    def __init__(self, public: str, *, detail: str | None = None) -> None:
        super().__init__(public if detail is None else f"{public} ({detail})")
        self.public = public
        self.detail = detail or public


class Refused(ClusterError):
    """The request was understood and is declined; repeating it unchanged does not help."""

    status = 400


class Malformed(Refused):
    """It cannot be read: not JSON, not the expected shape."""

    status = 400


class Unauthenticated(Refused):
    """Who asks is not proven: no signature, a wrong one, or a stale one."""

    status = 401


class Forbidden(Refused):
    """Who asks is known and may not do this."""

    status = 403


class NotFound(Refused):
    """It does not exist, or not for this visitor: both look alike on purpose."""

    status = 404


class Conflict(Refused):
    """It exists already, or was changed meanwhile."""

    status = 409


class Gone(Refused):
    """It existed and was deleted."""

    status = 410


class TooLarge(Refused):
    """Over a limit of size."""

    status = 413


class Unsupported(Refused):
    """A media type that is not spoken here."""

    status = 415


class Invalid(Refused):
    """A value breaks a rule; `fields` maps the field's name to what to do about it."""

    status = 422

    def __init__(
        self, public: str, *, fields: Mapping[str, str] | None = None, detail: str | None = None
    ) -> None:
        super().__init__(public, detail=detail)
        self.fields = dict(fields or {})


class TooMany(Refused):
    """Too many requests; `retry_after` is in seconds."""

    status = 429
    again = True

    def __init__(self, public: str, *, retry_after: int, detail: str | None = None) -> None:
        super().__init__(public, detail=detail)
        self.retry_after = retry_after


class Unavailable(ClusterError):
    """Something that we need is not there now; again helps."""

    status = 503
    again = True


class Unreachable(ClusterError):
    """Another server cannot be read or written; `permanent` says that again does not help."""

    status = 502

    def __init__(self, public: str, *, permanent: bool = False, detail: str | None = None) -> None:
        super().__init__(public, detail=detail)
        self.permanent = permanent
        self.again = not permanent
