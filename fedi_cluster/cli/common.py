"""What all commands share: the settings file, an open house, how a fault is told; no command is here."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from fedi_cluster.kernel.errors import ClusterError, NotFound

if TYPE_CHECKING:
    from fedi_cluster.community.actors.shapes import Actor
    from fedi_cluster.settings import Settings
    from fedi_cluster.storage.unit import Reader
    from fedi_cluster.wiring import House

P = ParamSpec("P")
T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_VARIABLE = "FEDI_CLUSTER_CONFIG"
CONFIG_FILE = "fedi-cluster.toml"
_META = "fedi_cluster.config"


class Tolerant(click.Group):
    """A group that tells every fault that we foresee in plain words, and ends with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an error of ours becomes its sentence on standard error."""
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            click.echo(f"fedi-cluster: {error}", err=True)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has enough of it
                raise
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"fedi-cluster: {where}{error.strerror or error}", err=True)
        except Exception as error:
            # The drivers' own errors: SQLAlchemy is not imported for the sake of a name.
            if not type(error).__module__.startswith(("sqlalchemy", "fedi_cluster.storage.apsw_dbapi")):
                raise
            from fedi_cluster.storage.engine import translated

            said: object = translated(error)
            if said is error:
                cause = " ".join(str(getattr(error, "orig", error)).split())
                said = f"The database cannot be used: {cause}"
            click.echo(f"fedi-cluster: {said}", err=True)
        return ctx.exit(1)


def config_option(command: Command) -> Command:
    """Adds --config to a command; the innermost one that was given wins."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.meta[_META] = value

    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        expose_value=False,
        callback=remember,
        help=f"The settings file (else ${CONFIG_VARIABLE}, else ./{CONFIG_FILE}).",
    )(command)


def config_file() -> Path | None:
    """The settings file of this command; None where none is named and none lies here: variables alone."""
    named = click.get_current_context().meta.get(_META) or os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    here = Path(CONFIG_FILE)
    return here if here.exists() or "FEDI_CLUSTER_BASE_URL" not in os.environ else None


def read_settings() -> "Settings":
    """The settings of this command; raises SettingsError with all faults."""
    from fedi_cluster.settings import load

    return load(config_file(), os.environ)


def asynchronous(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Lets a command be an async function."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(work(*args, **kwargs))

    return run


@asynccontextmanager
async def the_house(settings: "Settings | None" = None) -> AsyncIterator["House"]:
    """The instance of this command, open, current and the one that the settings name.

    Raises `ClusterError` where the database is missing, needs migrations, or belongs to another instance.
    """
    from fedi_cluster.community.regions.founding import check_identity
    from fedi_cluster.wiring import close_house, open_house

    chosen = settings or read_settings()
    check_current(chosen)
    house = open_house(chosen)
    try:
        house.db.read_now(check_identity, chosen)
        yield house
    finally:
        await close_house(house)


def check_current(settings: "Settings") -> None:
    """Raises `ClusterError` where the database is not there or has not the schema of this version."""
    from fedi_cluster.storage import migrate

    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).exists():
        raise NotFound(f"There is no database {file} yet; run “fedi-cluster init”.")
    if not migrate.is_current(settings.database_url):
        raise ClusterError(
            "The database has another schema than this version needs; "
            "make a copy of it, then run “fedi-cluster migrate”."
        )


def office(reader: "Reader") -> "Actor":
    """The editorial account, in whose name the commands write where no other is named."""
    from fedi_cluster.community.actors import queries as actor_queries
    from fedi_cluster.community.instances.queries import identity_of

    return actor_queries.need_local(reader, identity_of(reader).get("editorial", "editorial"))


def author(reader: "Reader", name: str | None) -> "Actor":
    """The local actor of this name (with or without @), the editorial account without one."""
    from fedi_cluster.community.actors import queries as actor_queries

    return actor_queries.need_local(reader, name.removeprefix("@")) if name else office(reader)


def is_terminal() -> bool:
    """Whether a person sits at standard input and can be asked."""
    return sys.stdin.isatty()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their heads on standard output, columns as wide as their widest text."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
