"""What `restore` does with a whole copy: settings, database, files; it moves aside and deletes nothing."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedi_cluster.cli import copies
from fedi_cluster.cli.common import CONFIG_FILE
from fedi_cluster.cli.copies import Manifest
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.errors import ClusterError, Conflict
from fedi_cluster.storage.copy_shapes import Contents, DamagedCopy
from fedi_cluster.storage.disk import sync
from fedi_cluster.storage.unfinished import exchanging

if TYPE_CHECKING:
    from fedi_cluster.kernel.clock import Clock
    from fedi_cluster.settings import Settings

_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Restored:
    """`migrated`: the schema was an older one. `aside`: where what was there is kept. `held`: so much waited
    to go to other servers and is held back. `due_again`: other jobs, begun when the copy was made."""

    migrated: bool
    aside: tuple[str, ...]
    held: int
    due_again: int


@contextmanager
def settings_from(
    copy: Path,
    manifest: Manifest,
    folder: Path,
    changes: Mapping[str, str | None],
    clock: "Clock",
    *,
    replace: bool,
) -> Iterator["Settings"]:
    """The settings of a copy, as a file in `folder`, which stays where the block ends well.

    `changes` are values that are set anew. Raises `Conflict` where a settings file is there and not to be
    replaced, and SettingsError where the settings do not fit here.
    """
    from fedi_cluster.settings import load

    file = folder.absolute() / CONFIG_FILE
    fresh = file.with_name(f"{file.name}.restoring")
    there = file.exists()
    if there and not replace:
        raise Conflict(f"There are settings in {folder} already ({file}); --replace moves them aside.")
    text = _settings_text(copy, manifest, changes)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        yield load(fresh, os.environ)
        if there:
            shutil.copy2(file, file.with_name(f"{file.name}.before-{copies.stamp_of(clock.now())}"))
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    sync(file.parent)


def put_back(
    copy: Path,
    manifest: Manifest,
    settings: "Settings",
    clock: "Clock",
    *,
    replace: bool,
    send: bool,
    mark: ExitStack,
    again: str,
) -> Restored:
    """The database and the files of a copy to where the settings say.

    What waited in the copy to go to other servers is held back unless `send`: some of it was edited or
    deleted since, which the copy does not know. From the first exchange on `mark` keeps that the command
    `again` is to be run after a kill; the caller ends it when all is in its place. Raises `ClusterError`
    where the copy is of another instance or engine or of a newer version, where something is there that may
    not be replaced, or in use, and where there is no room. Then nothing changed.
    """
    from fedi_cluster.storage.copies import place_of

    _check_fits(manifest, settings, clock)
    stamp = _free_stamp(settings, clock)
    folders = [name for name in copies.OWN_FOLDERS if (copy / copies.FILES / name).is_dir()]
    there = [name for name in folders if (settings.data_dir / name).exists()]
    if there and not replace:
        raise Conflict(f"{settings.data_dir / there[0]} is there already; --replace moves it aside.")
    _check_room(manifest, settings)
    found: list[tuple[bool, int, int]] = []
    aside: list[str] = []
    place = place_of(settings.database_url)
    with ExitStack() as undo:

        def prepare(url: str) -> None:
            found.append(_prepare(url, manifest, settings, clock, send=send))
            if place.engine == "sqlite":
                mark.enter_context(exchanging(settings.data_dir, again))
            sources = [copy / copies.FILES / name for name in folders]
            try:
                aside.extend(_exchange(sources, settings.data_dir, stamp, undo))
            except OSError as error:
                fault = f"The files cannot be copied to {settings.data_dir}"
                raise ClusterError(f"{fault}: {_reason(error)}; nothing was changed.") from error

        if place.engine != "sqlite":  # there the former tables are the first that move
            mark.enter_context(exchanging(settings.data_dir, again))
        kept = place.put_back(copy / place.file_name, prepare, stamp=stamp, replace=replace)
        undo.pop_all()  # the database counts: from here on nothing is taken back
    migrated, held, due_again = found[0]
    return Restored(migrated, (*([kept] if kept else []), *aside), held, due_again)


def _free_stamp(settings: "Settings", clock: "Clock") -> str:
    """The moment as part of names that nothing has yet, also where another restore was a moment ago."""
    places = {settings.data_dir, Path(settings.database_url.removeprefix("sqlite:///")).parent}
    moment = copies.stamp_of(clock.now())
    names = chain((moment,), (f"{moment}-{number}" for number in count(2)))
    return next(name for name in names if not any(any(at.glob(f"*.before-{name}*")) for at in places))


def _exchange(sources: Iterable[Path], data_dir: Path, stamp: str, undo: ExitStack) -> list[str]:
    """Folders of a copy to where they are used: all are copied beside their places before one is renamed.

    Gives where the former ones are kept; raises OSError. `undo` gets the way back, for a fault here or a
    database that is not exchanged.
    """
    pairs = []
    for source in sources:
        fresh = data_dir / f"{source.name}.restoring"
        shutil.rmtree(fresh, ignore_errors=True)
        undo.callback(shutil.rmtree, fresh, ignore_errors=True)
        shutil.copytree(source, fresh, copy_function=_copy_to_disk)
        sync(fresh)
        pairs.append((fresh, data_dir / source.name))
    aside = []
    for fresh, target in pairs:
        if target.exists():
            former = target.with_name(f"{target.name}.before-{stamp}")
            target.rename(former)
            undo.callback(former.rename, target)
            aside.append(str(former))
        fresh.rename(target)
        undo.callback(target.rename, fresh)
    sync(data_dir)
    return aside


def _copy_to_disk(source: str, target: str) -> None:
    shutil.copy(source, target)
    sync(Path(target))


def _reason(error: OSError) -> str:
    """In one line what hindered a copy; of several files, what hindered the first."""
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][2])
    return str(error)


def _check_fits(manifest: Manifest, settings: "Settings", clock: "Clock") -> None:
    from fedi_cluster.storage import migrate
    from fedi_cluster.storage.copies import place_of

    migrate.is_newest(manifest.schema)
    if manifest.base_url != settings.base_url:
        raise ClusterError(
            f"The copy is of {manifest.base_url}, but the settings say base_url = “{settings.base_url}”; "
            "a copy can only become the instance that it was."
        )
    engine = place_of(settings.database_url).engine
    if manifest.engine != engine:
        raise ClusterError(
            f"The copy is of {manifest.engine}, but database_url is {engine}; "
            "choose a database of the same kind."
        )
    if clock.now() < manifest.made_at - _CLOCKS_DIFFER:
        raise ClusterError(
            f"The clock of this machine says {to_wire(clock.now())}, but the copy was made at "
            f"{to_wire(manifest.made_at)}; set the clock first, since ids are made from it."
        )


def _check_room(manifest: Manifest, settings: "Settings") -> None:
    """An embedded database must fit twice where it goes, as a migration may write all of it anew."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = Path(settings.database_url.removeprefix("sqlite:///"))
    there = manifest.engine == "sqlite" and file.parent.is_dir()
    folder = file.parent if there else settings.data_dir
    here = [file for file in manifest.files if manifest.engine == "sqlite" or "/" in file.name]
    needed, free = 2 * sum(file.size for file in here), shutil.disk_usage(folder).free
    if free < needed:
        raise ClusterError(
            f"There is no room in {folder}: {needed >> 20} MiB are needed, {free >> 20} MiB are free."
        )


def _prepare(
    url: str, manifest: Manifest, settings: "Settings", clock: "Clock", *, send: bool
) -> tuple[bool, int, int]:
    """Compare what was put back with the manifest, migrate it, and say where it goes on.

    Gives whether it was migrated, and how much is held and due again.
    """
    from fedi_cluster.community.instances.actions.numbering import begin_ids_after
    from fedi_cluster.community.regions.founding import check_identity
    from fedi_cluster.federation.outgoing.hold import hold_deliveries
    from fedi_cluster.jobs.restored import end_leases, hold
    from fedi_cluster.kernel.ids import IdSource, first_id_at
    from fedi_cluster.storage import migrate
    from fedi_cluster.storage.copies import place_of
    from fedi_cluster.storage.database import Database
    from fedi_cluster.storage.unit import Unit
    from fedi_cluster.wiring import TOLD

    if place_of(url).contents() != Contents(manifest.schema, manifest.counts):
        raise DamagedCopy("What was put back is not what the manifest of the copy says; nothing was changed.")
    older = not migrate.is_newest(manifest.schema)
    if older:
        migrate.upgrade(url)
    db = Database(url, clock, IdSource())
    try:
        db.read_now(check_identity, settings)
        # No id of the time that was lost is given again: other servers have something else under it.
        border = first_id_at(max(clock.now(), manifest.made_at) + timedelta(milliseconds=1))

        reason = (
            f"Held: restored from a copy of {to_wire(manifest.made_at)}; “fedi-cluster jobs retry” sends it."
        )

        def go_on(unit: Unit) -> tuple[int, int]:
            begin_ids_after(unit, border)
            held = 0 if send else hold_deliveries(unit, reason) + hold(unit, TOLD.keys(), reason)
            return held, end_leases(unit)

        return older, *db.write_now(go_on)
    finally:
        db.close()


def _settings_text(copy: Path, manifest: Manifest, changes: Mapping[str, str | None]) -> bytes:
    """The settings file of a copy, with the variables that were in force beside it and with `changes`.

    Where the embedded database and the data lay is left out: they are where the new file is.
    """
    import tomlkit

    from fedi_cluster.settings import all_settings

    file, beside = copy / copies.SETTINGS, copy / copies.ENVIRONMENT
    text = file.read_bytes() if file.is_file() else b""
    document = tomlkit.parse(text)
    variables: Mapping[str, str] = json.loads(beside.read_bytes()) if beside.is_file() else {}
    values: dict[str, object] = {
        setting.key: _typed(variables[setting.variable], setting.about.example)
        for setting in all_settings()
        if variables.get(setting.variable)
    }
    values |= {key: value for key, value in changes.items() if value}
    drop = {"data_dir"} | ({"database_url"} if manifest.engine == "sqlite" else set())
    drop -= {key for key, value in changes.items() if value}
    for key in drop:
        values.pop(key, None)
    if not values and not drop & set(document):
        return text
    for key in drop & set(document):
        document.remove(key)
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        if table and table not in document:
            document.add(table, tomlkit.table())
        part: Any = document[table] if table else document
        part[name] = value
    return tomlkit.dumps(document).encode()


def _typed(text: str, example: object) -> object:
    """A variable's text as TOML has it; what should be a number and is none is told when it is read."""
    if isinstance(example, list):
        return [part.strip() for part in text.split(",")]
    try:
        return type(example)(text) if isinstance(example, int | float) else text
    except ValueError:
        return text
