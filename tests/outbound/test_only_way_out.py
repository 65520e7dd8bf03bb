"""No other room opens a connection to strangers (threat SSRF-023)."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "fedi_cluster"
WAYS_OUT = {
    "httptools",
    "aiohttp",
    "httpx",
    "requests",
    "urllib3",
    "urllib.request",
    "http.client",
    "smtplib",
    "ftplib",
}
# The command line looks at our own server with httpx (libraries.md); the demo at those that it started.
ALLOWED = {("cli", "httpx"), ("demo", "http.client")}


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_outbound_imports_a_client() -> None:
    sinners: list[tuple[str, str]] = []
    for file in PACKAGE.rglob("*.py"):
        inside = file.relative_to(PACKAGE)
        room, names = inside.parts[0], imports(file)
        sinners += [
            (str(inside), way)
            for way in WAYS_OUT
            if room != "outbound"
            and (room, way) not in ALLOWED
            and any(name == way or name.startswith(way + ".") for name in names)
        ]
    assert not sinners


def test_the_client_brings_nothing_but_its_parser() -> None:
    """An idle server pays for no library of others (decision 0011)."""
    clients = sorted(WAYS_OUT - {"httptools"} | {"multidict", "yarl"})
    code = (
        f"import sys, fedi_cluster.outbound; sys.exit(str([x for x in {clients} if x in sys.modules] or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, timeout=30, check=False
    )
    assert done.stderr.strip() == b"", done.stderr
