"""Whose fault an error is in a batch whose parts are tried one by one (`Unit.attempt`); it handles none."""

from sqlalchemy.exc import DataError, IntegrityError

from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage.engine import DRIVER_ERRORS

# PostgreSQL's class 54: a value is longer than an index takes.
_TOO_LONG = "54"


def concerns_all(error: BaseException) -> bool:
    """Whether it is the state of the database, and no fault of the part in which it came up."""
    if isinstance(error, DRIVER_ERRORS) and not isinstance(error, IntegrityError | DataError):
        return not str(getattr(getattr(error, "orig", None), "sqlstate", None)).startswith(_TOO_LONG)
    return isinstance(error, Unavailable)


def reason_of(error: BaseException) -> str:
    """What the log and a host are told about a part that failed."""
    return error.detail if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"
