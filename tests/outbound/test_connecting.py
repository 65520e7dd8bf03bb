"""Where connections go: names, refused ports, addresses that change their mind, certificates."""

import asyncio
import datetime
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound import Bounds, NetworkTransport
from fedi_cluster.outbound import resolver as resolver_module
from fedi_cluster.outbound.guard import NOT_READABLE
from fedi_cluster.outbound.resolver import GuardedResolver
from tests.outbound.strangers import Heard, client, network, places_taken, say, settings, stranger

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: their transports differ."""
    return "asyncio", {"use_uvloop": request.param}


BOUNDS = Bounds(1000, 1.0, 1.0, 2.0)


async def fine(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    say(writer, 200, b"fine")


@pytest.mark.parametrize("host", ["localhost", "szczecin.localhost", "deep.er.localhost", "127.0.0.1"])
async def test_localhost_and_every_name_under_it_are_loopback(host: str) -> None:
    async with stranger(fine) as server, client(settings()) as outbound:
        assert (await outbound.get(server.url(host=host))).body == b"fine"


async def test_closed_ports_and_forbidden_addresses_look_alike_to_a_visitor() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with client(settings()) as outbound:
            with pytest.raises(Unreachable, match="Connect") as closed:
                await outbound.get(f"http://x.localhost:{port}/")
            with pytest.raises(Unreachable) as forbidden:
                await outbound.get("http://10.0.0.1/")
    assert closed.value.public == forbidden.value.public == NOT_READABLE
    assert not closed.value.permanent


def answer_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Names lead where the test says; the machine's resolver is outside our power."""

    def ask(_host: str, _port: int) -> list[str]:
        return list(addresses)

    monkeypatch.setattr(resolver_module, "_ask", ask)


async def test_the_resolver_keeps_four_allowed_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver(settings())
    answer_with(monkeypatch, "10.0.0.1", "::1", *(f"1.1.1.{n}" for n in range(1, 9)))
    found = await resolver.resolve("many.example", 443)
    assert found == ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]
    with pytest.raises(OSError, match="address not allowed"):  # plain http stays in the closed network
        await resolver.resolve("many.example", 80)
    resolver.close()


async def test_a_name_that_leads_inside_is_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stranger(fine) as server, client(settings(PRIVATE_NETWORKS="10.0.0.0/8")) as outbound:
        answer_with(monkeypatch, "127.0.0.1", "169.254.169.254")
        with pytest.raises(Unreachable, match="address not allowed") as caught:
            await outbound.get(server.url(host="rebound.example"))
        assert caught.value.public == NOT_READABLE
        assert server.connections == 0


async def test_the_address_is_checked_once_more_where_it_is_connected() -> None:
    """As if the guard of URLs and the resolver had both been passed: threats SSRF-010."""
    async with stranger(fine) as server:
        transport = NetworkTransport(settings(PRIVATE_NETWORKS="10.0.0.0/8"))
        try:
            with pytest.raises(Unreachable, match="address not allowed"):
                await transport.exchange("GET", server.url(host="127.0.0.1"), {}, b"", BOUNDS)
        finally:
            await transport.close()
        assert server.connections == 0


async def test_a_hanging_resolver_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def hang(_host: str, _port: int) -> list[str]:
        time.sleep(0.6)
        return []

    monkeypatch.setattr(resolver_module, "_ask", hang)
    async with client(settings(LIMITS_CONNECT="0.1")) as outbound:
        with pytest.raises(Unreachable, match="resolver gave no answer"):
            await outbound.get("https://slow.example/")


async def test_an_unknown_name_is_unreachable() -> None:
    async with client(settings()) as outbound:
        with pytest.raises(Unreachable, match="no address") as caught:
            await outbound.get("https://nobody.invalid/")
        assert not caught.value.permanent


class Authority:
    """A certificate authority of our own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        certificate = (
            self._begin(self._name, self._key.public_key(), 1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def server(self, host: str, days: int = 1) -> ssl.SSLContext:
        """What a server for `host` shows; with `days` -1 it is out of date."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        alternative: x509.GeneralName = x509.DNSName(host)
        if host[0].isdigit():
            alternative = x509.IPAddress(ip_address(host))
        certificate = (
            self._begin(name, key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        both = self._folder / f"{host}-{days}.pem"
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context


async def test_tls_with_an_authority_of_the_trust_store(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    trusting = settings(TRUST_STORE=str(ours.file))
    async with stranger(fine, ours.server("tls.localhost")) as server, client(trusting) as outbound:
        assert (await outbound.get(server.url("/", "tls.localhost", "https"))).body == b"fine"


@pytest.mark.parametrize("fault", ["another authority", "another name", "out of date"])
async def test_wrong_certificates_are_refused(tmp_path: Path, fault: str) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    signer = theirs if fault == "another authority" else ours
    shown = signer.server(
        "other.localhost" if fault == "another name" else "tls.localhost", -1 if fault == "out of date" else 1
    )
    trusting = settings(TRUST_STORE=str(ours.file))
    async with stranger(fine, shown) as server, client(trusting) as outbound:
        with pytest.raises(Unreachable, match="TLS"):
            await outbound.get(server.url("/", "tls.localhost", "https"))
        assert not server.heard


async def test_certificates_are_read_with_the_first_need_and_connections_held(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    trusting = settings(TRUST_STORE=str(ours.file))
    shown = ours.server("tls.localhost")
    shown.set_alpn_protocols(["h2", "http/1.1"])
    named: list[str | None] = []
    shown.sni_callback = lambda _socket, name, _context: named.append(name)
    async with stranger(fine) as plain, stranger(fine, shown) as server, network(trusting) as transport:
        await transport.exchange("GET", plain.url(), {}, b"", BOUNDS)
        assert transport._dialler._tls is None
        for _ in range(3):
            url = server.url("/", "tls.localhost", "https")
            assert (await transport.exchange("GET", url, {}, b"", BOUNDS)).body == b"fine"
        assert (server.connections, named) == (1, ["tls.localhost"])
        *_, connection = transport._pool._open
        assert connection.transport is not None
        assert connection.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


async def test_an_address_shows_a_certificate_of_its_own(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    trusting = settings(TRUST_STORE=str(ours.file))
    async with stranger(fine, ours.server("127.0.0.1")) as server, network(trusting) as transport:
        url = server.url("/", "127.0.0.1", "https")
        assert (await transport.exchange("GET", url, {}, b"", BOUNDS)).body == b"fine"
    async with stranger(fine, ours.server("127.0.0.9")) as server, network(trusting) as transport:
        with pytest.raises(Unreachable, match="TLS"):
            await transport.exchange("GET", server.url("/", "127.0.0.1", "https"), {}, b"", BOUNDS)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", None], ids=["ends", "plain", "silent"])
async def test_a_server_without_tls_is_left(answer: bytes | None) -> None:
    async def knock(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if answer is None:
            await reader.read()  # until we leave
        else:
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(knock, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    began = asyncio.get_running_loop().time()
    async with network(settings()) as transport:
        with pytest.raises(Unreachable) as caught:
            await transport.exchange(
                "GET", f"https://tls.localhost:{port}/", {}, b"", replace(BOUNDS, connect=0.3)
            )
        assert places_taken(transport) == 0
        await asyncio.sleep(0.05)
    listening.close()
    assert ("TLS" in caught.value.detail) == (answer == b"HTTP/1.1 400 Bad\r\n\r\n")
    assert asyncio.get_running_loop().time() - began < 0.9


async def test_over_tls_ends_and_leavings_are_what_they_are_without(tmp_path: Path) -> None:
    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        match heard.path:
            case "/until-close":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\nfine")
            case "/half":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine")
            case "/stalls":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine")
                await asyncio.sleep(0.2)
            case _:
                say(writer, 200, b"fine")
        if heard.path != "/kept":
            writer.close()

    ours = Authority(tmp_path, "ours")
    trusting = settings(TRUST_STORE=str(ours.file))
    async with stranger(behave, ours.server("tls.localhost")) as server, network(trusting) as transport:

        async def get(path: str) -> bytes:
            url = server.url(path, "tls.localhost", "https")
            return (await transport.exchange("GET", url, {}, b"", BOUNDS)).body

        assert await get("/kept") == await get("/kept") == b"fine"
        assert server.connections == 1
        assert await get("/until-close") == b"fine"
        with pytest.raises(Unreachable, match="ConnectionReset"):
            await get("/half")
        left = asyncio.ensure_future(get("/stalls"))
        await asyncio.sleep(0.1)
        left.cancel()
        assert await get("/ended-at-rest") == b"fine"
        await asyncio.sleep(0.05)
        assert places_taken(transport) == 0
        assert await get("/kept") == b"fine"


def _speak_early(context: ssl.SSLContext, listening: socket.socket, said: bytes) -> None:
    """A server that says something (nothing: goodbye) together with the end of the handshake."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            held = context.wrap_bio(came, goes, server_side=True)
            done = False
            while not done:
                try:
                    held.do_handshake()
                    done = True
                except ssl.SSLWantReadError:
                    connection.sendall(goes.read())
                    came.write(connection.recv(65536))
            if said:
                held.write(said)
            else:
                with suppress(ssl.SSLError):
                    held.unwrap()
            connection.sendall(goes.read())


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n"], ids=["bye", "late"]
)
async def test_who_speaks_with_the_end_of_the_handshake_takes_no_place(tmp_path: Path, said: bytes) -> None:
    ours = Authority(tmp_path, "ours")
    context = ours.server("tls.localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as listening:
        speaking = threading.Thread(target=_speak_early, args=(context, listening, said), daemon=True)
        speaking.start()
        url = f"https://tls.localhost:{listening.getsockname()[1]}/"
        async with network(settings(TRUST_STORE=str(ours.file))) as transport:
            for _ in range(10):  # more than one server has places
                with suppress(Unreachable):
                    await transport.exchange("GET", url, {}, b"", BOUNDS)
            await asyncio.sleep(0.05)
            assert places_taken(transport) == 0
        listening.shutdown(socket.SHUT_RDWR)
    speaking.join(5)
    assert not speaking.is_alive()
