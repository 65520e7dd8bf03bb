import asyncio
import logging
import time

import pytest
from sqlalchemy import insert

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.instances import identity


@pytest.mark.anyio
@pytest.mark.parametrize("lanes", [0, 20, 300])
async def test_prof(db, migrated_url, lanes, caplog):
    caplog.set_level(logging.DEBUG, "fedi_cluster")
    real = Database(migrated_url, SystemClock(), IdSource())
    real.write_now(
        lambda u: (
            [queue.enqueue(u, "note", {}, lane=f"l{n % lanes}" if lanes else None) for n in range(2000)]
            and None
        )
    )

    async def h(job):
        return nothing

    stop = asyncio.Event()
    w = Worker(real, {"note": h}, SystemClock())
    t = time.perf_counter()
    c = time.process_time()
    r = asyncio.create_task(w.run(stop))
    while await real.read(reports.list_jobs, None, None, 1):
        await asyncio.sleep(0.01)
    d = time.perf_counter() - t
    from collections import Counter

    print(
        real.engine.dialect.name,
        lanes,
        f"{2000 / d:.0f}/s cpu {(time.process_time() - c) / 2:.2f} ms/job",
        Counter(
            x.msg + str(x.args)[:30]
            for x in caplog.records
            if "queue" in x.name or "worker" in x.name or "commit" in x.name
        ).most_common(4),
    )
    stop.set()
    await r
    c = time.process_time()
    stop = asyncio.Event()
    w = Worker(real, {"note": h}, SystemClock())
    r = asyncio.create_task(w.run(stop))
    await asyncio.sleep(2)
    print("idle cpu %", (time.process_time() - c) / 2 * 100)
    stop.set()
    await r
    real.close()
