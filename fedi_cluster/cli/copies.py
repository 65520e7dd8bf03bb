"""The folder of a copy: its manifest, its sums, its name; what is not whole never looks as if it were.

A copy is written under a name that ends in `.partial` and renamed when all of it is on the disk.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.storage.copy_shapes import DamagedCopy
from fedi_cluster.storage.disk import sync

FORMAT = 1
"""The form of the folder; a higher one is refused."""

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SETTINGS = "fedi-cluster.toml"
ENVIRONMENT = "environment.json"
FILES = "files"

OWN_FOLDERS = ("media",)
"""What lies in data_dir beside the database and is ours; in a copy it is below `files/`."""

_PARTIAL = ".partial"


class CopiedFile(msgspec.Struct, frozen=True):
    """A file of a copy by its path in the folder; `size` in bytes, `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a copy says of itself: `version` is the program's, `schema` the revision of the migrations,
    `engine` sqlite or postgresql, `made_at` the moment before the copy began, `counts` rows by table."""

    format: int
    version: str
    schema: str
    engine: str
    host: str
    base_url: str
    made_at: datetime
    files: tuple[CopiedFile, ...]
    counts: dict[str, int]


class _Form(msgspec.Struct):
    """What every form of the manifest has."""

    format: int


def stamp_of(moment: datetime) -> str:
    """A moment in names: `20261126T061357Z`."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def prefix_of(host: str) -> str:
    """How the names of all copies of an instance begin; a port's colon is not for every file system."""
    return f"{host.replace(':', '_')}-"


@contextmanager
def new_copy(place: Path, host: str, moment: datetime) -> Iterator[Path]:
    """A folder to write a copy into, locked; removed where the block raises. `keep` makes a copy of it."""
    _clear(place, host)
    name = prefix_of(host) + stamp_of(moment)
    number = 1
    while True:
        partial = place / f"{name}{f'-{number}' if number > 1 else ''}{_PARTIAL}"
        try:
            if not partial.with_suffix("").exists():
                partial.mkdir(mode=0o700)
                break
        except FileExistsError:
            pass
        number += 1
    lock = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield partial
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def keep(partial: Path, manifest: Manifest) -> Path:
    """Write the manifest, wait until all is on the disk, and give the folder the name of a whole copy."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    _write(partial / MANIFEST, text)
    sums = [(hashlib.sha256(text).hexdigest(), MANIFEST)]
    sums += [(file.sha256, file.name) for file in manifest.files]
    _write(partial / SUMS, "".join(f"{one}  {name}\n" for one, name in sums).encode())
    for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
        sync(folder)
    whole = partial.with_suffix("")
    partial.rename(whole)
    sync(whole.parent)
    return whole


def add_text(partial: Path, name: str, data: bytes) -> None:
    """A small file of a copy."""
    _write(partial / name, data)


def add_tree(partial: Path, source: Path) -> None:
    """A folder of ours with all that is in it, below `files/`; a file that goes meanwhile is left out."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink():
            target = partial / FILES / path.relative_to(source.parent)
            for folder in reversed(target.relative_to(partial).parents[:-1]):
                (partial / folder).mkdir(exist_ok=True, mode=0o700)
            try:
                data = path.open("rb")
            except FileNotFoundError:
                continue
            with data, os.fdopen(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as copy:
                shutil.copyfileobj(data, copy)
                copy.flush()
                os.fsync(copy.fileno())


def listed(folder: Path) -> tuple[CopiedFile, ...]:
    """All files of a folder with their sums, read from the disk."""
    return tuple(
        CopiedFile(str(path.relative_to(folder)), path.stat().st_size, _sum(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {MANIFEST, SUMS}
    )


def read_manifest(folder: Path) -> Manifest:
    """What a copy says of itself; raises DamagedCopy, and ClusterError for a form of a newer version."""
    if folder.name.endswith(_PARTIAL):
        raise DamagedCopy(f"{folder} was never finished; take another copy.")
    if not (folder / MANIFEST).is_file() or not (folder / SUMS).is_file():
        raise DamagedCopy(f"{folder} is no copy of an instance: {MANIFEST} or {SUMS} is missing.")
    text = (folder / MANIFEST).read_bytes()
    first = (folder / SUMS).read_text("utf-8", errors="replace").partition("\n")[0]
    if first != f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}":
        raise DamagedCopy(f"The copy {folder} is damaged: {MANIFEST} has another sum than {SUMS} says.")
    try:
        if msgspec.json.decode(text, type=_Form).format > FORMAT:
            raise ClusterError(
                f"The copy {folder} was made by a newer version of fedi-cluster; install that one to read it."
            )
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise DamagedCopy(f"The copy {folder} is damaged: {MANIFEST} cannot be read ({error}).") from error


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raises DamagedCopy where a file is missing, has another size or another sum."""
    for file in manifest.files:
        path = folder / file.name
        if ".." in Path(file.name).parts or path.is_symlink() or not path.is_file():
            raise DamagedCopy(f"The copy {folder} is damaged: {file.name} is missing.")
        if path.stat().st_size != file.size or _sum(path) != file.sha256:
            raise DamagedCopy(f"The copy {folder} is damaged: {file.name} has another sum than it was given.")


def remove_older(place: Path, newest: Path, manifest: Manifest, number: int) -> list[str]:
    """Remove whole copies of the same instance but for the newest `number`; gives their names."""
    found = []
    for folder in place.glob(f"{prefix_of(manifest.host)}*"):
        if not folder.is_dir() or folder == newest:
            continue
        try:
            other = read_manifest(folder)
        except ClusterError:
            continue  # not whole: nobody counts on it, and it does not push out one that is
        sizes = all(
            (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.size
            for file in other.files
        )
        if sizes and other.base_url == manifest.base_url:
            found.append((other.made_at, folder.name, folder))
    gone = sorted(found, reverse=True)[max(number - 1, 0) :]
    for _, name, folder in gone:
        shutil.rmtree(folder.rename(folder.with_name(name + _PARTIAL)))
    return [name for _, name, _ in gone]


def _clear(place: Path, host: str) -> None:
    """Remove what a killed backup left; one that still runs holds its lock."""
    for partial in place.glob(f"{prefix_of(host)}*{_PARTIAL}"):
        lock = os.open(partial, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(partial)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
