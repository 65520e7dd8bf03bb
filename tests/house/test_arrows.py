"""Every import goes the way that the house allows: contracts in pyproject.toml, and what they cannot say."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.house.source import ROOT, Module, modules, told

_WRITES = {"sqlalchemy.insert", "sqlalchemy.update", "sqlalchemy.delete"}


def _ours(module: Module) -> Iterator[tuple[int, str]]:
    return ((line, name) for line, name in module.imports() if name.startswith("fedi_cluster."))


def _faults(pattern: str, is_fault: Callable[[str, str], bool]) -> list[str]:
    """Imports of our own in files of a pattern for which `is_fault(path, name)` holds."""
    return [
        f"{m.path}:{line} imports {name}"
        for m in modules("fedi_cluster")
        if Path(m.path).match(pattern)
        for line, name in _ours(m)
        if is_fault(m.path, name)
    ]


def test_the_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--no-logo", "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_facts_import_the_kernel_only() -> None:
    faults = _faults(
        "fedi_cluster/community/*/facts.py", lambda _, name: not name.startswith("fedi_cluster.kernel.")
    )
    assert not faults, told(faults)


def test_shapes_import_the_kernel_and_shapes_of_earlier_ideas_only() -> None:
    faults = _faults(
        "fedi_cluster/community/*/shapes.py",
        lambda _, name: not name.startswith("fedi_cluster.kernel.") and ".shapes." not in name,
    )
    assert not faults, told(faults)


def test_queries_and_rules_write_nothing() -> None:
    faults = [
        f"{m.path}:{line} imports {name}"
        for m in modules("fedi_cluster")
        if Path(m.path).name in ("queries.py", "rules.py")
        for line, name in m.imports()
        if name in _WRITES or name.endswith(".storage.unit.Unit")
    ]
    assert not faults, told(faults)


def test_files_of_tables_do_not_know_each_other() -> None:
    faults = _faults(
        "fedi_cluster/storage/tables/[!_]*.py",
        lambda _, name: ".storage.tables." in name and ".tables.base." not in name,
    )
    assert not faults, told(faults)


def test_inbox_handlers_do_not_know_each_other() -> None:
    def other(path: str, name: str) -> bool:
        return ".inbox.handlers." in name and Path(path).stem != "table"

    faults = _faults("fedi_cluster/federation/inbox/handlers/*.py", other)
    assert not faults, told(faults)


def test_nobody_maps_objects() -> None:
    faults = [
        f"{m.path}:{line} imports {name}"
        for m in modules()
        for line, name in m.imports()
        if name.startswith(("sqlalchemy.orm", "sqlalchemy.ext")) and ".compiler." not in name
    ]
    assert not faults, told(faults)


def test_the_namespace_stands_in_one_place() -> None:
    """Decision 0004: until it is registered it may change, and then in one line."""
    from fedi_cluster.kernel.addresses import NAMESPACE

    found = [m.path for m in modules("fedi_cluster") if NAMESPACE in (ROOT / m.path).read_text("utf-8")]
    assert found == ["fedi_cluster/kernel/addresses.py"]
