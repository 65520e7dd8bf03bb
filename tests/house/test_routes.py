"""Every route of every interface says who may enter, and stands in the table of its interface."""

import importlib
from typing import cast

import pytest

from fedi_cluster.http.route import Access, Route
from tests.house.source import PACKAGE, modules, told

INTERFACES = [
    "http.operation",
    *(
        f"{name}.routes"
        for name in ("federation", "web", "client_api", "admin")
        if (PACKAGE / name / "__init__.py").exists()
    ),
]
_MAY_MAKE_ROUTES = {"fedi_cluster/http/route.py", "fedi_cluster/app.py"}


def _table(interface: str) -> tuple[Route[object], ...]:
    """The tables of a page: `ROUTES`, and others whose names end so."""
    page = vars(importlib.import_module(f"fedi_cluster.{interface}"))
    tables = [table for name, table in page.items() if name.endswith("ROUTES")]
    return tuple(row for table in tables for row in cast("tuple[Route[object], ...]", table))


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_route_has_an_access(interface: str) -> None:
    table = _table(interface)
    assert table
    faults = [str(row) for row in table if not isinstance(row, Route) or not isinstance(row.access, Access)]
    assert not faults, told(faults)


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_route_stands_twice(interface: str) -> None:
    seen = [(row.method, row.path, row.handler) for row in _table(interface)]
    assert len(seen) == len(set(seen)), told([str(one) for one in seen if seen.count(one) > 1])


def test_routes_are_made_from_tables_only() -> None:
    faults = [
        f"{m.path}:{line} imports {name}"
        for m in modules("fedi_cluster")
        if m.path not in _MAY_MAKE_ROUTES
        for line, name in m.imports()
        if name.startswith("starlette.routing")
    ]
    assert not faults, told(faults)
