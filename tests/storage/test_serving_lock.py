"""One serving process for an SQLite database: the lock of the kernel, held over a new image, freed by kill -9."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.serving_lock import serving_lock

ROOT = Path(__file__).resolve().parents[2]

_HOLDER = """
import sys
from fedi_cluster.storage.serving_lock import serving_lock
with serving_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_one_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/region.sqlite"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Conflict, match=rf"process {holder.pid}\) .*PostgreSQL"), serving_lock(url):
        pass
    with serving_lock(f"sqlite:///{tmp_path}/other.sqlite"):
        pass
    holder.kill()
    holder.wait(10)
    holder.stdin.close()
    holder.stdout.close()
    with serving_lock(url) as number:
        assert number is not None


def test_who_inherits_it_holds_it_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/region.sqlite"
    with serving_lock(url) as number:
        assert number is not None
        copy = os.dup(number)
        with serving_lock(url, copy), pytest.raises(Conflict), serving_lock(url):
            pass
    with serving_lock(url):
        pass


def test_postgresql_is_for_many() -> None:
    with serving_lock("postgresql://fedi@localhost/fedi") as number:
        assert number is None
