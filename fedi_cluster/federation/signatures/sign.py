"""Signs the requests that we send, in either form; it neither sends them nor chooses the form.

The URL must go over the wire exactly as given here: a client that quotes it anew breaks the signature.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from fedi_cluster.federation.signatures import cavage, rfc9421
from fedi_cluster.federation.signatures.digest import content_digest_header, digest_header
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.signatures.request import Target, seconds, target_of
from fedi_cluster.federation.signatures.structured import InnerList, Item, encode_bytes

ACTIVITY_JSON = "application/activity+json"


def sign_cavage(
    method: str,
    url: str,
    body: bytes | None,
    keys: PrivateKeys,
    now: datetime,
    *,
    content_type: str = ACTIVITY_JSON,
    also: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers of a request signed by draft-cavage with rsa-sha256 (federation.md 2.1).

    With a body `(request-target) host date digest content-type` are signed, without one the first three.
    `also` are unsigned headers (Accept, User-Agent) that stand before the signature; Content-Length is
    the HTTP client's. `now` is aware. Raises `Malformed` for a URL that cannot be signed.
    """
    target = target_of(url)
    headers = {"Host": target.authority, "Date": cavage.write_date(now)}
    if body is not None:
        headers |= {"Digest": digest_header(body), "Content-Type": content_type}
    lines = [("(request-target)", f"{method.lower()} {target.path_and_query}")]
    lines += [(name.lower(), value) for name, value in headers.items()]
    made = keys.sign_rsa(cavage.signing_string(lines).encode("ascii"))
    listed = " ".join(name for name, _ in lines)
    headers |= also or {}
    headers["Signature"] = (
        f'keyId="{keys.main_key_id}",algorithm="rsa-sha256",headers="{listed}",'
        f'signature="{b64encode(made).decode("ascii")}"'
    )
    return headers


def sign_rfc9421(
    method: str,
    url: str,
    body: bytes | None,
    keys: PrivateKeys,
    now: datetime,
    *,
    use: Literal["rsa", "ed25519"],
    content_type: str = ACTIVITY_JSON,
    also: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers of a request signed by RFC 9421 (federation.md 2.2), as `sign_cavage` otherwise.

    `use` chooses the key; the parameter `alg` is left out, because the key decides and some servers skip
    a signature whose `alg` they do not expect.
    """
    target = target_of(url)
    headers = {"Host": target.authority, "Date": cavage.write_date(now)}
    lines = _derived(method, target)
    if body is not None:
        covered = {"Content-Digest": content_digest_header(body), "Content-Type": content_type}
        headers |= covered
        lines += [(name.lower(), value) for name, value in covered.items()]
    key_id = keys.main_key_id if use == "rsa" else keys.ed25519_key_id
    parameters = str(
        InnerList(tuple(Item(name) for name, _ in lines), (("created", seconds(now)), ("keyid", key_id)))
    )
    base = rfc9421.signature_base(lines, parameters).encode("ascii")
    made = keys.sign_rsa(base) if use == "rsa" else keys.sign_ed25519(base)
    headers |= also or {}
    headers["Signature-Input"] = f"sig1={parameters}"
    headers["Signature"] = f"sig1={encode_bytes(made)}"
    return headers


def _derived(method: str, target: Target) -> list[tuple[str, str]]:
    return [("@method", method.upper()), ("@target-uri", target.uri), ("@authority", target.authority)]
