"""Reads a TOML file and variables into Settings; it starts nothing with a fault and tells all at once."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.settings.fields import PREFIX, Computed, Limits, Setting, Settings, all_settings

# Read by the command line itself; and what Kubernetes sets beside a service that is named fedi-cluster.
_NOT_OURS = re.compile(rf"{PREFIX}(CONFIG|SERVICE_.*|PORT|PORT_.*)")


class SettingsError(ClusterError):
    """The settings cannot be used; `faults` holds one sentence each, with an example of how it is right."""

    def __init__(self, faults: list[str]) -> None:
        listed = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"The settings have {len(faults)} fault{'s' * (len(faults) > 1)}:\n{listed}")
        self.faults = faults


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings from `file` (none: variables alone) and from `environ`, which wins.

    Names in TOML are dotted by tables, `[cluster] admission`; variables are `FEDI_CLUSTER_CLUSTER_ADMISSION`,
    with commas in lists; an empty variable counts as not set, but for a list as an empty list.
    Raises SettingsError with every fault of both: unknown names, wrong values, missing ones.
    """
    faults: list[str] = []
    written = _read_file(file, faults) if file is not None else {}
    given = _known(written or {}, environ, faults)
    values: dict[str, object] = {}
    for setting in all_settings():
        if setting.key in given:
            source, value = given[setting.key]
            try:
                values[setting.key] = setting.about.read(value)
            except ValueError as error:
                shown = "its value" if setting.about.secret else repr(value)
                faults.append(f"{source}: {shown} {error}; {_example(setting)}")
        elif setting.about.default is None:
            if written is not None:  # a file that cannot be read is fault enough
                faults.append(f"{setting.key} is missing; {_example(setting)}")
        elif not isinstance(setting.about.default, Computed):
            values[setting.key] = setting.about.read(setting.about.default)
    _compute(values, (file.parent if file is not None else Path()).absolute())
    _compare(values, environ, faults)
    if faults:
        raise SettingsError(faults)
    return _build(values)


def _read_file(file: Path, faults: list[str]) -> dict[str, object] | None:
    """The file's values under dotted names, or None (and a fault) where it cannot be read."""
    try:
        return _flat(tomllib.loads(file.read_text("utf-8")), "")
    except FileNotFoundError:
        faults.append(f"the settings file {file} is missing; make one, for example: fedi-cluster init")
    except OSError as error:
        faults.append(
            f"the settings file {file} cannot be read ({error.strerror}); for example: chmod u+r {file}"
        )
    except ValueError as error:
        faults.append(
            f'the settings file {file} is not TOML ({error}); a line is, for example: language = "pl"'
        )
    return None


def _flat(table: Mapping[str, object], prefix: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(cast(dict[str, object], value), f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def _known(
    written: Mapping[str, object], environ: Mapping[str, str], faults: list[str]
) -> dict[str, tuple[str, object]]:
    """Key -> (where it was given, raw value); unknown names become faults."""
    settings = all_settings()
    keys = {setting.key for setting in settings}
    by_variable = {setting.variable: setting for setting in settings}
    given: dict[str, tuple[str, object]] = {}
    for key, value in written.items():
        if key in keys:
            given[key] = (key, value)
        else:
            faults.append(f"{key} is not a setting{_near(key, [*keys])}")
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or _NOT_OURS.fullmatch(variable):
            continue
        found = by_variable.get(variable)
        if found is None:
            faults.append(f"{variable} is not a variable of a setting{_near(variable, [*by_variable])}")
        elif text or isinstance(found.about.default, list):
            given[found.key] = (variable, text)
    return given


def _near(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean, for example, {close[0]}?" if close else "; an example of one is " + min(names)


def _example(setting: Setting) -> str:
    return f"for example: {setting.key} = {as_toml(setting.about.example)}, or {as_variable(setting)}"


def as_toml(value: object) -> str:
    """A text, number or list of texts as TOML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(entry) for entry in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def as_variable(setting: Setting) -> str:
    """The setting's example as a variable: `FEDI_CLUSTER_REGION=szczecin`."""
    example = setting.about.example
    text = ",".join(example) if isinstance(example, list) else str(example)
    return f"{setting.variable}='{text}'" if " " in text else f"{setting.variable}={text}"


def _compute(values: dict[str, object], base: Path) -> None:
    """Fills the defaults that depend on others; paths begin at `base`, the folder of the settings file.

    A value that had a fault is not there; what depends on it is then left out too.
    """
    for key in ("data_dir", "trust_store"):
        if key in values:
            values[key] = base / str(values[key])
    for key in ("log_format", "metrics_token", "otel_endpoint"):
        values.setdefault(key, None)
    if "base_url" in values:
        values.setdefault("handle_domain", str(values["base_url"]).partition("://")[2])
    if "data_dir" in values:
        values.setdefault("database_url", f"sqlite:///{values['data_dir']}/fedi-cluster.sqlite")
    url = str(values.get("database_url", ""))
    if url.startswith("sqlite:///"):
        values["database_url"] = f"sqlite:///{base / url.removeprefix('sqlite:///')}"


def _compare(values: dict[str, object], environ: Mapping[str, str], faults: list[str]) -> None:
    """What only several values, or the machine, can tell."""
    source = "trust_store"
    if "trust_store" not in values and environ.get("SSL_CERT_FILE"):
        source, values["trust_store"] = "SSL_CERT_FILE", Path(environ["SSL_CERT_FILE"])
    store = values.setdefault("trust_store", None)
    if isinstance(store, Path) and not store.is_file():
        faults.append(f'{source}: there is no file {store}; for example: trust_store = "/etc/ssl/our-ca.pem"')
    reading, total = values.get("limits.read"), values.get("limits.total")
    if isinstance(reading, float) and isinstance(total, float) and reading > total:
        faults.append(
            "limits.read is longer than limits.total; for example: [limits] read = 30.0, total = 40.0"
        )


def _build(values: Mapping[str, object]) -> Settings:
    # Any: the readers have seen to the types, and a test compares what they give with the fields.
    parts: dict[str, dict[str, Any]] = {"": {}, "limits": {}}
    for setting in all_settings():
        parts["".join(setting.path[:-1])][setting.path[-1]] = values[setting.key]
    return Settings(**parts[""], limits=Limits(**parts["limits"]))
