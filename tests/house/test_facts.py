"""Every fact has its line in `wiring.AFTER`, and every job that a line names has a handler."""

import ast
import importlib
from dataclasses import is_dataclass

from tests.house.source import PACKAGE, modules, told

_ENQUEUES = {"enqueue", "enqueue_many"}


def _facts() -> list[type]:
    found = []
    for path in sorted(PACKAGE.glob("community/*/facts.py")):
        module = importlib.import_module(f"fedi_cluster.community.{path.parent.name}.facts")
        found += [
            thing
            for thing in vars(module).values()
            if isinstance(thing, type) and is_dataclass(thing) and thing.__module__ == module.__name__
        ]
    return found


def _name(fact: type) -> str:
    return f"{fact.__module__}.{fact.__name__}"


def test_every_fact_has_an_entry() -> None:
    from fedi_cluster.wiring import AFTER

    faults = [f"no line for {_name(fact)}" for fact in _facts() if fact not in AFTER]
    faults += [f"a line for {_name(fact)}, which is no fact" for fact in AFTER if fact not in _facts()]
    assert not faults, told(faults)


def test_every_fact_is_recorded_somewhere() -> None:
    made = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for module in modules("fedi_cluster")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    faults = [f"nothing makes a {_name(fact)}" for fact in _facts() if fact.__name__ not in made]
    assert not faults, told(faults)


def test_every_fact_is_frozen() -> None:
    faults = [_name(fact) for fact in _facts() if not fact.__dataclass_params__.frozen]  # type: ignore[attr-defined]
    assert not faults, told(faults)


def test_every_job_that_follows_has_a_handler() -> None:
    from fedi_cluster.wiring import AFTER, NETWORKED, TOLD

    kinds = {kind: fact for fact, after in AFTER.items() for kind in after.tell}
    faults = [f"no handler for {kind}" for kind in kinds if kind not in TOLD and kind not in NETWORKED]
    faults += [
        f"{kind} gets another fact" for kind, fact in kinds.items() if TOLD.get(kind, (fact,))[0] != fact
    ]
    faults += [f"nothing causes {kind}" for kind in TOLD if kind not in kinds]
    assert not faults, told(faults)


def test_every_job_that_is_enqueued_by_name_has_a_handler() -> None:
    from fedi_cluster.wiring import NETWORKED, TOLD

    faults = [
        f"{module.path}:{node.lineno} no handler for {kind}"
        for module in modules("fedi_cluster")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _ENQUEUES
        for kind in _names_of_jobs(node)
        if kind not in TOLD and kind not in NETWORKED
    ]
    assert not faults, told(faults)


def _names_of_jobs(call: ast.Call) -> list[str]:
    """Texts like `room.work` among the arguments: names of kinds have one dot."""
    texts = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [text for text in texts if text.replace(".", "", 1).replace("_", "").isalpha() and "." in text]
