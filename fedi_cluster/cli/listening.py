"""The socket that the server listens on: bound here, or inherited by systemd's protocol; it accepts nobody.

The protocol is that of sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS says how many, LISTEN_PID for
whom, LISTEN_FDNAMES what they are. A server that starts itself anew uses it too (`succession.py`).
"""

import errno
import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

from fedi_cluster.kernel.errors import ClusterError, Invalid
from fedi_cluster.kernel.hosts import read_authority

BACKLOG = 2048
FIRST = 3
"""The first descriptor of the protocol."""

LOCK = "fedi-cluster-lock"
"""The name under which the lock of an SQLite database is handed on."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What was handed to this process: a listening socket, and the descriptor of a held lock."""

    listening: socket.socket | None = None
    lock: int | None = None


def inherited(environ: MutableMapping[str, str]) -> Inherited:
    """What `environ` says was handed over; its variables are taken out, so that no child believes them.

    Raises `Invalid` for several sockets, and for one that does not listen.
    """
    process, count, names = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()) or not count.isdecimal():
        return Inherited()
    named = names.split(":")
    lock: int | None = None
    sockets: list[int] = []
    for place in range(int(count)):
        os.set_inheritable(FIRST + place, False)
        if place < len(named) and named[place] == LOCK:
            lock = FIRST + place
        else:
            sockets.append(FIRST + place)
    if len(sockets) > 1:
        raise Invalid(
            f"{len(sockets)} sockets were handed over; leave one ListenStream in the socket unit, "
            "or let the proxy listen in the other places."
        )
    return Inherited(_listening(sockets[0]) if sockets else None, lock)


def _listening(number: int) -> socket.socket:
    try:
        found = socket.socket(fileno=number)
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return found
        found.detach()
    except OSError:
        pass
    raise Invalid("What was handed over is no listening socket; use ListenStream in the socket unit.")


def place_of(listening: socket.socket) -> str:
    """Where it listens, as people write it: `127.0.0.1:8000`, `[::1]:8000`, or a path."""
    name = listening.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def listen(place: str) -> socket.socket:
    """A socket that listens at `HOST:PORT`; raises `ClusterError` where the port is taken or not ours."""
    try:
        host, port = read_authority(place)
    except ValueError as error:
        raise Invalid(f"“{place}” is no place to listen; write it as 127.0.0.1:8000.") from error
    if port is None:
        raise Invalid(f"“{place}” names no port; write it as 127.0.0.1:8000.")
    name = str(host)
    local = name == "localhost" or name.endswith(".localhost")  # RFC 6761, whatever the resolver says
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server(("127.0.0.1" if local else name, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ClusterError(_why_not(place, port, error)) from error


def _why_not(place: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Another program listens on {place} already: stop it, or choose another port, "
                f"for example --bind 127.0.0.1:{port + 1 if port < 65535 else 8000}."
            )
        case errno.EACCES:
            return f"Port {port} is not for ordinary users: choose one above 1023, and a proxy in front."
        case errno.EADDRNOTAVAIL:
            return f"{place} is no address of this machine; choose, for example, --bind 127.0.0.1:{port}."
    return f"It cannot listen on {place}: {error.strerror or error}."
