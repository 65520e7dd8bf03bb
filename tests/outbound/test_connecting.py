"""Where connections go: names, refused ports, addresses that change their mind, certificates."""

import asyncio
import datetime
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound import AiohttpTransport, Bounds
from fedi_cluster.outbound import resolver as resolver_module
from fedi_cluster.outbound.guard import NOT_READABLE
from fedi_cluster.outbound.resolver import GuardedResolver
from tests.outbound.strangers import Heard, client, say, settings, stranger

pytestmark = pytest.mark.anyio
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

    def ask(_host: str, _port: int, _family: socket.AddressFamily) -> list[str]:
        return list(addresses)

    monkeypatch.setattr(resolver_module, "_ask", ask)


async def test_the_resolver_keeps_four_allowed_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver(settings())
    answer_with(monkeypatch, "10.0.0.1", "::1", *(f"1.1.1.{n}" for n in range(1, 9)))
    found = await resolver.resolve("many.example", 443)
    assert [entry["host"] for entry in found] == ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]
    with pytest.raises(OSError, match="address not allowed"):  # plain http stays in the closed network
        await resolver.resolve("many.example", 80)
    await resolver.close()


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
        transport = AiohttpTransport(settings(PRIVATE_NETWORKS="10.0.0.0/8"))
        try:
            with pytest.raises(Unreachable, match="address not allowed"):
                await transport.exchange("GET", server.url(host="127.0.0.1"), {}, b"", BOUNDS)
        finally:
            await transport.close()
        assert server.connections == 0


async def test_a_hanging_resolver_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def hang(_host: str, _port: int, _family: socket.AddressFamily) -> list[str]:
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
