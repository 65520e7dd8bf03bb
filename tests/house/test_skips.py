"""In CI a skipped test is a failed one; elsewhere it tells its reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

SKIPPING = """
import pytest

@pytest.mark.skip(reason="marked")
def test_marked() -> None: ...

def test_inside() -> None:
    pytest.skip("no such program")

@pytest.mark.xfail
def test_known_fault() -> None:
    raise AssertionError
"""
FILE_THAT_SKIPS_ITSELF = 'import pytest\npytest.importorskip("no_such_package")\n'


@pytest.mark.parametrize(
    ("ci", "counts"), [("", "3 skipped, 1 xfailed"), ("true", "1 failed, 1 xfailed, 2 errors")]
)
def test_skips_fail_in_ci_only(tmp_path: Path, ci: str, counts: str) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "test_whole_file.py").write_text(FILE_THAT_SKIPS_ITSELF)
    (tmp_path / "empty.ini").write_text("")
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "empty.ini", f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", *options, "--continue-on-collection-errors", tmp_path],
        cwd=tmp_path,
        check=False,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert counts in run.stdout, run.stdout + run.stderr
    for reason in ("marked", "no such program", "no_such_package"):
        assert reason in run.stdout
