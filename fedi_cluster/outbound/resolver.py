"""Finds the addresses of a host and keeps only those that may be reached; it remembers nothing."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from itertools import chain, zip_longest

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.guard import LOOPBACK, check_address, is_localhost
from fedi_cluster.settings import Settings

MAX_ADDRESSES = 4
MAX_ANSWERS = 64


class GuardedResolver:
    """Resolves by the machine's resolver in threads of its own, so that a hanging one stops nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="dns")

    async def resolve(self, host: str, port: int) -> list[str]:
        """At most four allowed addresses, of both versions where there are both, in the resolver's order.

        Raises OSError where there is none, or after `limits.connect`; ValueError for a host that is no name.
        `localhost` and `*.localhost` are 127.0.0.1 without asking: resolvers differ about them.
        """
        if is_localhost(host):
            found = [str(LOOPBACK)]
        else:
            try:
                async with asyncio.timeout(self._settings.limits.connect):
                    found = await asyncio.get_running_loop().run_in_executor(self._threads, _ask, host, port)
            except TimeoutError as error:
                raise OSError("the resolver gave no answer in time") from error
        allowed = [address for address in found[:MAX_ANSWERS] if self._is_allowed(address, port)]
        if not allowed:
            raise OSError(f"address not allowed: {', '.join(found[:MAX_ADDRESSES]) or 'none'}")
        return _in_turn(allowed)[:MAX_ADDRESSES]

    def _is_allowed(self, address: str, port: int) -> bool:
        try:
            check_address(address, port, self._settings)
        except Unreachable:
            return False
        return True

    def close(self) -> None:
        """Gives up look-ups that wait."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_address(host: str) -> bool:
    """Whether there is nothing to find."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ask(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _in_turn(addresses: list[str]) -> list[str]:
    """IPv6 and IPv4 in turn, the preferred one first: no version alone takes all tries (RFC 8305, 4)."""
    version = ip_address(addresses[0]).version
    first = [address for address in addresses if ip_address(address).version == version]
    other = [address for address in addresses if ip_address(address).version != version]
    return [address for address in chain.from_iterable(zip_longest(first, other)) if address is not None]
