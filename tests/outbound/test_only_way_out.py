"""No other room opens a connection to strangers (threat SSRF-023)."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "fedi_cluster"
WAYS_OUT = {"aiohttp", "httpx", "requests", "urllib3", "urllib.request", "http.client", "smtplib", "ftplib"}
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


def test_the_library_is_loaded_with_the_first_exchange_only() -> None:
    code = "import sys, fedi_cluster.outbound as o; sys.exit('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, timeout=30, check=False)
    assert done.returncode == 0
