"""A small disk of its own for a test, that can be full at one moment and have room at the next."""

import errno
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_SIZE = 40 * 2**20


@dataclass
class SmallDisk:
    """A folder on a disk that can be filled; `real`: it is one, else only this process may write no more."""

    folder: Path
    real: bool

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Takes the room that is left; a write-ahead log may still go on where it has been before."""
        if not self.real:
            reached = max((file.stat().st_size for file in self.folder.rglob("*-wal")), default=0)
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(reached, 64 * 1024), most))
            return
        with self._ballast.open("ab", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Gives the room back."""
        if self.real:
            self._ballast.unlink(missing_ok=True)
        else:
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    def only_reads(self) -> None:
        """From now on the disk cannot be written, where it is a real one and nobody has a file open."""
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def writes_again(self) -> None:
        """Back from `only_reads`."""
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A tmpfs where this machine lets us mount one, else a limit on the size of this process's files."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", folder], check=True, capture_output=True
        )
        disk = SmallDisk(folder, real=True)
    except (OSError, subprocess.CalledProcessError):
        disk = SmallDisk(folder, real=False)
    try:
        yield disk
    finally:
        if disk.real:
            subprocess.run(["umount", "--lazy", folder], check=True)
        else:
            disk.free()
