"""Around a handler: says which job is being done, times it and counts how it ended; it changes neither."""

import time

from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import GiveUp, Handler, Outcome, Postpone, Rest
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.telemetry.doing import now_doing
from fedi_cluster.telemetry.metrics import observe
from fedi_cluster.telemetry.traces import span


def watched(handler: Handler) -> Handler:
    """The same handler; what it logs, and what its task logs afterwards, names the job."""

    async def run(job: Job) -> Outcome:
        host = job.payload.get("host")
        if isinstance(host, str):
            now_doing(job=job.id, kind=job.kind, host=host)
        else:
            now_doing(job=job.id, kind=job.kind)
        began, ended = time.perf_counter(), "cancelled"
        pause: Rest | None = None
        try:
            with span("job", job=job.id, kind=job.kind):
                try:
                    effect = await handler(job)
                except Rest as rest:  # no error: the span must not say so
                    pause = rest
            ended = "done" if pause is None else "rests"
        except Exception as error:
            ended = _end_of(error)
            raise
        finally:
            observe("job", time.perf_counter() - began, kind=job.kind, outcome=ended)
        if pause is not None:
            raise pause
        return effect

    return run


def _end_of(error: Exception) -> str:
    """`postponed` (tried again), `given_up`, or `failed`: nobody foresaw it."""
    if isinstance(error, Postpone):
        return "postponed"
    if isinstance(error, GiveUp):
        return "given_up"
    if isinstance(error, ClusterError):
        return "postponed" if error.again else "given_up"
    return "failed"
