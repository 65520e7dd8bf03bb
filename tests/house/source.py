"""The project's files as the house tests read them: paths, trees, functions; it imports none of them."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "fedi_cluster"
_NOT_OURS = {"node_modules", "dist", "__pycache__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file: its path below the root, its lines, its tree."""

    path: str
    lines: int
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Every function, also methods and nested ones."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported, wherever the import stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


@lru_cache
def files() -> tuple[Path, ...]:
    """Every file that is or may become part of the project: what git tracks, and what it would not ignore."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
        return tuple(path for name in sorted(listed.split("\0")) if (path := ROOT / name).is_file())
    return tuple(path for path in sorted(ROOT.rglob("*")) if path.is_file() and _is_ours(path))


def _is_ours(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return not any(
        name in _NOT_OURS or (name.startswith(".") and name != ".ci") or name.endswith(".egg-info")
        for name in folders
    )


@lru_cache
def modules(folder: str = "") -> tuple[Module, ...]:
    """The Python files below a folder (`fedi_cluster`, `tests`), all of them by default."""
    paths = (path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / folder))
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Module:
    text = path.read_text("utf-8")
    return Module(str(path.relative_to(ROOT)), len(text.splitlines()), ast.parse(text, str(path)))


def told(faults: list[str]) -> str:
    """A list of faults as the message of a failing test."""
    return "\n  " + "\n  ".join(faults)
