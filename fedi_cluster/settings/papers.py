"""Writes what the settings say about themselves: the page docs/settings.md and a new settings file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.settings.fields import Computed, Setting, all_settings
from fedi_cluster.settings.load import as_toml, as_variable

if TYPE_CHECKING:
    from tomlkit.items import Table
    from tomlkit.toml_document import TOMLDocument

_HEAD = """# Settings

One TOML file (`--config FILE`, else `FEDI_CLUSTER_CONFIG`, else `./fedi-cluster.toml`; `fedi-cluster init`
writes it) and variables, which win over the file. Lists in variables are separated by commas. All faults are
told at once, before anything starts. A dotted name stands in a table of the file: `cluster.admission` is
`admission` under `[cluster]`.

This page is made from the code: `python -m fedi_cluster.settings > docs/settings.md`.
"""


def page() -> str:
    """The page docs/settings.md, made from the fields."""
    return "\n".join([_HEAD, *(_paragraph(setting) for setting in all_settings())])


def _paragraph(setting: Setting) -> str:
    name, _, table = setting.key.rpartition(".")[::-1]
    line = f"{name} = {as_toml(setting.about.example)}"
    example = f"[{table}]\n{line}" if table else line
    return (
        f"## `{setting.key}`\n\n{setting.about.text}\n\n"
        f"Default: {_default(setting)}.\n\n"
        f"```toml\n{example}\n```\n\n```sh\n{as_variable(setting)}\n```\n"
    )


def _default(setting: Setting) -> str:
    default = setting.about.default
    if default is None:
        return "none, it must be set"
    return default.text if isinstance(default, Computed) else f"`{as_toml(default)}`"


def write_file(values: Mapping[str, object], path: Path) -> None:
    """A new settings file at `path`, readable by its owner alone, which `load` reads back.

    `values` maps dotted names to a text, number, path or list of them; every setting stands in the file with
    its text, those without a value as a comment. The values are not checked: `load` does that.
    Raises Conflict where the file exists, and KeyError for a name that is no setting.
    """
    unknown = set(values) - {setting.key for setting in all_settings()}
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    import tomlkit  # only `init` writes; a server never pays for it

    document = tomlkit.document()
    tables: dict[str, Table] = {}
    for setting in all_settings():
        table, _, name = setting.key.rpartition(".")
        part: TOMLDocument | Table = document
        if table:
            if table not in tables:
                tables[table] = tomlkit.table()
                document.add(tomlkit.nl())
                document.add(table, tables[table])
            part = tables[table]
        else:
            part.add(tomlkit.nl())
        part.add(tomlkit.comment(setting.about.text))
        if setting.key in values:
            part.add(name, tomlkit.item(_plain(values[setting.key])))
        else:
            # Without its first sign the line is right TOML: the default is a comment of its own.
            default = _default(setting).replace("`", "")
            part.add(tomlkit.comment(f"{name} = {as_toml(setting.about.example)}  # default: {default}"))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"The settings file {path} exists already.") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document).lstrip())


def _plain(value: object) -> str | int | float | list[str]:
    if isinstance(value, list | tuple):
        return [str(entry) for entry in value]
    return value if isinstance(value, int | float) else str(value)
