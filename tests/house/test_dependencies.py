"""What the package imports from others is asked for in pyproject.toml, not borrowed from a dependency."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.house.papers import read
from tests.house.source import modules, told


def normal(name: str) -> str:
    """The name of a distribution in its one spelling, without extras, versions and conditions."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;! ]", name)[0]).lower()


def _asked() -> set[str]:
    """All that the project asks for, also in extras."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    return {normal(one) for group in (project["dependencies"], *extras) for one in group}


def test_what_is_imported_is_asked_for() -> None:
    asked = _asked()
    owners = packages_distributions()
    faults = [
        f"{m.path}:{line} imports {name}"
        for m in modules("fedi_cluster")
        for line, name in m.imports()
        if (top := name.split(".")[0]) not in sys.stdlib_module_names and top != "fedi_cluster"
        if not asked & {normal(owner) for owner in owners.get(top, [])}
    ]
    assert not faults, told(sorted(set(faults)))


def test_what_is_asked_for_is_imported() -> None:
    """But what others load by its name: uvicorn its loop, zoneinfo the zones."""
    loaded_by_name = {"uvloop", "tzdata"}
    tops = {name.split(".")[0] for m in modules("fedi_cluster") for _, name in m.imports()}
    owners = packages_distributions()
    imported = {normal(owner) for top in tops for owner in owners.get(top, [])}
    faults = sorted(_asked() - imported - loaded_by_name)
    assert not faults, told([f"nothing imports {name}" for name in faults])
