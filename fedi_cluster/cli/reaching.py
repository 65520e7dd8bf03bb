"""Looks whether this instance is reached at its own address, and reaches its sisters; it writes nothing.

Its own address is asked as a visitor would, past the guard of `outbound`, which refuses the inner addresses
that a name often has at home.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from fedi_cluster.cli.findings import Finding, fine, mind, wrong
from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.federation.remote.signing import form_for, signer
from fedi_cluster.federation.vocab.media_types import ACCEPT
from fedi_cluster.federation.vocab.webfinger import self_link
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.kernel.json import parse_object
from fedi_cluster.outbound.guard import is_localhost
from fedi_cluster.settings import Settings
from fedi_cluster.wiring import House

SKEW = timedelta(minutes=5)
"""Some servers refuse signatures that are older; the strictest window that we know of."""


async def examine_self(house: House) -> list[Finding]:
    """Health, TLS and WebFinger of our own public address."""
    base, handle = house.settings.base_url, f"region@{house.at.handle_domain}"
    found: list[Finding] = []
    try:
        answer = await _visit(house.settings, f"{base}/health")
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        return [_unreached(house.settings, error)]
    if answer.status_code != 200:
        return [
            wrong(
                f"{base}/health answers {answer.status_code}.",
                "Look into the server's log; if a proxy answered, let it pass all to the server.",
            )
        ]
    how = "with a certificate that others trust" if house.settings.secure else "by plain http"
    found.append(fine(f"{base} answers, {how}."))
    where = f"{urlsplit(base).scheme}://{house.at.handle_domain}/.well-known/webfinger"
    advice = f"Let {house.at.handle_domain} redirect /.well-known/webfinger to {base}."
    try:
        answer = await _visit(house.settings, where, {"resource": f"acct:{handle}"})
        link = self_link(parse_object(answer.content)) if answer.status_code == 200 else None
    except (httpx.HTTPError, ssl.SSLError, OSError, ClusterError) as error:
        found.append(wrong(f"Nobody finds @{handle}: {where} does not answer ({error}).", advice))
    else:
        if link == house.at.region:
            found.append(fine(f"@{handle} is found."))
        else:
            found.append(wrong(f"Nobody finds @{handle}: {where} answers {answer.status_code}.", advice))
    return found


def _unreached(settings: Settings, error: Exception) -> Finding:
    text = str(error) or type(error).__name__
    if "CERTIFICATE" in text.upper() or isinstance(error, ssl.SSLError):
        return wrong(
            f"The certificate of {settings.base_url} is not trusted: {text}",
            "Renew it, send the whole chain, or name your own authority in trust_store.",
        )
    return wrong(
        f"{settings.base_url} does not answer: {text}",
        f"Start the server (fedi-cluster serve), and let the proxy pass {settings.host} to {settings.bind}.",
    )


async def _visit(settings: Settings, url: str, query: Mapping[str, str] | None = None) -> httpx.Response:
    """A GET as a visitor makes it; `*.localhost` is loopback, as everywhere in this server."""
    parts = urlsplit(url)
    extensions: dict[str, object] = {}
    target = url
    if is_localhost(parts.hostname or ""):
        # Resolvers differ about these names; name and certificate stay those of the address.
        port = "" if parts.port is None else f":{parts.port}"
        target = parts._replace(netloc=f"127.0.0.1{port}").geturl()
        extensions = {"sni_hostname": parts.hostname}
    store = settings.trust_store
    trusted = ssl.create_default_context(cafile=None if store is None else str(store))
    async with httpx.AsyncClient(verify=trusted, trust_env=False, timeout=10, max_redirects=3) as client:
        request = client.build_request(
            "GET", target, params=query, headers={"Host": parts.netloc}, extensions=extensions
        )
        return await client.send(request, follow_redirects=target == url)


async def examine_sisters(house: House) -> list[Finding]:
    """Whether each sister answers a signed request, and what its clock says of ours."""
    sisters = await house.db.read(queries.sisters, house.at.host)
    found: list[Finding] = []
    for sister in sisters:
        found += await _examine_sister(house, sister)
    waiting = [one.host for one in await house.db.read(queries.members) if _waits(one)]
    if waiting:
        found.append(
            mind(
                f"These ask to join: {', '.join(waiting)}.",
                f"Confirm or refuse: fedi-cluster cluster confirm {waiting[0]} (or remove).",
            )
        )
    return found


def _waits(member: Member) -> bool:
    return member.entry.state == "asking" or (member.entry.state == "member" and not member.admitted)


async def _examine_sister(house: House, sister: Member) -> list[Finding]:
    federation = house.federation
    url = sister.entry.actor.removesuffix("/actor") + "/cluster/members"
    form = await house.db.read(form_for, house.at, sister.host)
    sign = signer(federation.signers.of_instance(), form, house.clock.now())
    try:
        answer = await federation.outbound.get(url, accept=ACCEPT, signer=sign)
    except ClusterError as error:
        return [
            wrong(
                f"The sister {sister.host} cannot be reached: {error.detail}.",
                "Ask its host; what is for it waits here and goes out when it is back.",
            )
        ]
    if answer.status != 200:
        return [
            wrong(
                f"The sister {sister.host} answers {answer.status} to a signed request.",
                "Ask its host whether this instance is still a member there.",
            )
        ]
    found = [fine(f"The sister {sister.host} answers.")]
    skew = _skew(answer.headers.get("date"), house.clock.now())
    if skew is not None and skew > SKEW:
        minutes = int(skew.total_seconds() // 60)
        found.append(
            wrong(
                f"The clock of this machine and that of {sister.host} differ by {minutes} minutes.",
                "Let both set their clocks by NTP: signatures carry the time.",
            )
        )
    return found


def _skew(date: str | None, now: datetime) -> timedelta | None:
    """How far another server's `Date` is from our clock; None where it says none."""
    try:
        return abs(parsedate_to_datetime(date) - now) if date else None
    except (ValueError, TypeError):
        return None
