"""Every module says in one sentence what it is for; every public function is typed and explained."""

import ast
import re
from collections.abc import Iterator

from tests.house.source import Function, Module, modules, told

_NEXT_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")


def _head_fault(module: Module) -> str | None:
    text = ast.get_docstring(module.tree)
    if not text:
        return "no docstring at its head"
    sentence = text.split("\n\n")[0]
    if not sentence.rstrip(")`'”\"").endswith((".", ":")):
        return "its first sentence has no end"
    if _NEXT_SENTENCE.search(sentence):
        return "more than one sentence before the first empty line"
    return None


def test_every_module_begins_with_one_sentence() -> None:
    faults = [f"{m.path}: {fault}" for m in modules() if m.lines if (fault := _head_fault(m))]
    assert not faults, told(faults)


def _is_public(node: Function | ast.ClassDef) -> bool:
    return not node.name.startswith("_")


def _is_a_repetition(function: Function) -> bool:
    """Overloads and setters are explained by the function that they belong to."""
    marks = {ast.unparse(mark).split(".")[-1] for mark in function.decorator_list}
    return bool(marks & {"overload", "setter", "override"})


def _public_functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and _is_public(node):
            yield from _public_functions(node.body, f"{owner}{node.name}.")
        elif isinstance(node, Function) and _is_public(node) and not _is_a_repetition(node):
            yield f"{owner}{node.name}", node


def test_every_public_function_is_explained() -> None:
    faults = [
        f"{m.path}:{function.lineno} {name} has no docstring"
        for m in modules("fedi_cluster")
        for name, function in _public_functions(m.tree.body)
        if not ast.get_docstring(function)
    ]
    assert not faults, told(faults)


def test_every_public_class_is_explained() -> None:
    faults = [
        f"{m.path}:{node.lineno} {node.name} has no docstring"
        for m in modules("fedi_cluster")
        for node in m.tree.body
        if isinstance(node, ast.ClassDef) and _is_public(node) and not ast.get_docstring(node)
    ]
    assert not faults, told(faults)


def _untyped(function: Function, method: bool) -> Iterator[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [one for one in (arguments.vararg, arguments.kwarg) if one]
    decorators = {ast.unparse(mark) for mark in function.decorator_list}
    if method and "staticmethod" not in decorators:
        named = named[1:]
    yield from (one.arg for one in (*named, *rest) if one.annotation is None)
    if function.returns is None:
        yield "what it returns"


def test_every_public_function_is_typed() -> None:
    faults = [
        f"{m.path}:{function.lineno} {name}: {', '.join(missing)} without a type"
        for m in modules("fedi_cluster")
        for name, function in _public_functions(m.tree.body)
        if (missing := list(_untyped(function, "." in name)))
    ]
    assert not faults, told(faults)
