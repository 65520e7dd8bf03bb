"""Finds the addresses of a host for aiohttp and keeps only those that may be reached; it caches nothing."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.guard import LOOPBACK, check_address, is_localhost
from fedi_cluster.settings import Settings

MAX_ADDRESSES = 4
MAX_ANSWERS = 64


class GuardedResolver(AbstractResolver):
    """Resolves by the machine's resolver in threads of its own, so that a hanging one stops nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """At most four allowed addresses; raises OSError where there is none, or after `limits.connect`.

        `localhost` and `*.localhost` are 127.0.0.1 without asking: resolvers differ about them.
        """
        if is_localhost(host):
            found = [str(LOOPBACK)]
        else:
            try:
                async with asyncio.timeout(self._settings.limits.connect):
                    found = await asyncio.get_running_loop().run_in_executor(
                        self._threads, _ask, host, port, family
                    )
            except TimeoutError as error:
                raise OSError("the resolver gave no answer in time") from error
        allowed = [address for address in found[:MAX_ANSWERS] if self._is_allowed(address, port)]
        if not allowed:
            raise OSError(f"address not allowed: {', '.join(found[:MAX_ADDRESSES]) or 'none'}")
        return [_result(host, address, port) for address in allowed[:MAX_ADDRESSES]]

    def _is_allowed(self, address: str, port: int) -> bool:
        try:
            check_address(address, port, self._settings)
        except Unreachable:
            return False
        return True

    async def close(self) -> None:
        """Gives up look-ups that wait."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask(host: str, port: int, family: socket.AddressFamily) -> list[str]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _result(host: str, address: str, port: int) -> ResolveResult:
    version4 = ip_address(address).version == 4
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET if version4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
