"""The files under `/static/`: each has an address with a hash of its content; it sets no headers.

Whoever serves them may let them be kept for a year: a changed file has another address.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

PREFIX = "/static/"
_FOLDER = Path(__file__).resolve().parent / "static"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_URL = re.compile(rb"url\(([\w./-]+)\)")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served; `path` is its versioned path, `/static/style.0a1b2c3d4e5f.css`."""

    path: str
    body: bytes
    media_type: str


def versioned(name: str, body: bytes) -> str:
    """The path of a file of this name and content: the hash stands before the ending."""
    stem, dot, ending = name.rpartition(".")
    return f"{PREFIX}{stem}.{hashlib.sha256(body).hexdigest()[:12]}{dot}{ending}"


@lru_cache(maxsize=1)
def static_files() -> Mapping[str, StaticFile]:
    """All files by name, such as `fonts/x.woff2`; read once, some 90 KB together."""
    found: dict[str, StaticFile] = {}
    paths = [path for path in _FOLDER.rglob("*") if path.suffix in _MEDIA_TYPES]
    # Sheets come last: the addresses in them are those of files that were read before.
    for path in sorted(paths, key=lambda path: (path.suffix == ".css", str(path))):
        name = path.relative_to(_FOLDER).as_posix()
        body = path.read_bytes()
        if path.suffix == ".css":
            body = _URL.sub(lambda hit: b"url(" + found[hit[1].decode()].path.encode() + b")", body)
        found[name] = StaticFile(versioned(name, body), body, _MEDIA_TYPES[path.suffix])
    return MappingProxyType(found)


def static_url(name: str) -> str:
    """The versioned path of a file below `web/static/`, such as `style.css`; `KeyError` for no such file."""
    return static_files()[name].path


@lru_cache(maxsize=1)
def _by_path() -> Mapping[str, StaticFile]:
    return MappingProxyType({file.path: file for file in static_files().values()})


def static_file(path: str) -> StaticFile | None:
    """The file for a versioned path, or None: an old version is not kept."""
    return _by_path().get(path)
