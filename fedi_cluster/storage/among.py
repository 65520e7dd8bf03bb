"""“One of these”, as one parameter: a prepared statement asks for as many values as there are.

SQLAlchemy's own IN writes out a parameter for each value at each execution: dearer than the answer.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, BindParameter, Column, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine

from fedi_cluster.kernel.json import dumps


class _Several(TypeDecorator[Sequence[str] | Sequence[int]]):
    """Texts, or ids: JSON for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, *, ids: bool) -> None:
        super().__init__()
        self.ids = ids

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(BigInteger() if self.ids else Text()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[str] | Sequence[int] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        return values if dialect.name == "postgresql" else dumps(values).decode()


class among(ColumnElement[bool]):
    """True where the text or id in `column` is one of those in the parameter `name`, of any length."""

    type = Boolean()
    inherit_cache = False  # for prepared statements only, which are compiled once

    def __init__(self, column: Column[str] | Column[int], name: str) -> None:
        self.column = column
        ids = isinstance(column.type, BigInteger)
        self.values: BindParameter[Any] = bindparam(name, type_=_Several(ids=ids))

    def self_group(self, against: object = None) -> "among":
        """As it is: `= 1` behind it, for engines without truth, would hide the index from SQLite."""
        return self


@compiles(among, "sqlite")
def _as_rows(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = compiler.process(element.column, **how), compiler.process(element.values, **how)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 — both are the compiler's


@compiles(among, "postgresql")
def _as_array(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = compiler.process(element.column, **how), compiler.process(element.values, **how)
    return f"{column} = ANY ({values})"
