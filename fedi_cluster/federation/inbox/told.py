"""Counts and logs how the activities of one transaction ended, after it was committed; it decides nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fedi_cluster.kernel.ids import moment_of
from fedi_cluster.telemetry.doing import doing
from fedi_cluster.telemetry.metrics import observe

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """One entry of the log: its id, the id and type of its activity, and the state that it has now."""

    log_id: int
    activity: str
    type: str
    state: str
    reason: str | None


def tell(ended: Sequence[Ended], now: datetime) -> None:
    """After a commit; `now` is the moment of the transaction, the id of an entry has that of its receipt."""
    talks = _log.isEnabledFor(logging.INFO)
    for one in ended:
        seconds = max((now - moment_of(one.log_id)).total_seconds(), 0.0)
        observe("inbox_processed", seconds, type=one.type, outcome=one.state)
        if talks:
            with doing(log=one.log_id, activity=one.activity):
                _log.info("%s is %s%s", one.type, one.state, f": {one.reason}" if one.reason else "")
