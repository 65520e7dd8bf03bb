"""Log lines for people or machines on standard error; it writes no bodies, no tokens and no values of rows.

As JSON each line is one object: `time` (UTC, ISO 8601), `level`, `logger`, `message`, `error` (a trace, where
there is one), and the names of `doing.NAMES` that are known. As text it is the same in one readable line.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

import orjson

from fedi_cluster.telemetry.doing import NAMES, what_is_done

Form = Literal["json", "text"]

_Info = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_OF_ROWS = re.compile(r"^DETAIL: .*", re.MULTILINE)

# What a stranger wrote must not begin a line of its own, nor move the cursor of a terminal.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))} | {
    0x0A: "\\n",
    0x0D: "\\r",
    0x09: " ",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def begin_log(level: str, form: Form | None = None) -> None:
    """Sends what is logged from `level` (debug, info, warning, error) on to standard error, a line each.

    Without `form` a terminal gets text and everything else JSON. A second call takes the place of the first.
    """
    chosen = form or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if chosen == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Python collects thread and process of each line unless told that nobody reads them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.captureWarnings(True)


class _Lines(logging.Formatter):
    """What both forms share: a trace without values of rows, which PostgreSQL puts into its errors."""

    def formatException(self, ei: _Info) -> str:
        """The trace of an error."""
        return _OF_ROWS.sub("DETAIL: (of a row, not logged)", super().formatException(ei))


class JsonLines(_Lines):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **what_is_done(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except (TypeError, ValueError):  # half a character of a stranger's text
            cleaned = {name: _encodable(value) for name, value in line.items()}
            return orjson.dumps(cleaned, default=str).decode()


class TextLines(_Lines):
    """A record as one line to read: moment, level, logger, message, what is being done; then a trace."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; a trace follows on lines of its own."""
        fields = what_is_done()
        named = " ".join(f"{name}={fields[name]}" for name in NAMES if name in fields)
        said = f"{record.getMessage()} [{named}]" if named else record.getMessage()
        line = f"{_moment(record)} {record.levelname} {record.name}: {said.translate(_CONTROLS)}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _moment(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _encodable(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
