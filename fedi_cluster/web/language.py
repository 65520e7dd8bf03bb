"""Which language a request asks for, and where it says so; it reads nothing but path and headers."""

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from fedi_cluster.http.locale import LANGUAGE_COOKIE, choose_language

LANGUAGE_IN_SCOPE = "fedi_cluster_language"
"""The member of the ASGI scope with the language that the path began with."""


def language_of(scope: Scope, own: str) -> tuple[str | None, str, str | None]:
    """The language that the address begins with, that of the page, and what the visitor's cookie says.

    The page's is told by path, cookie, Accept-Language, then it is the instance's `own`.
    """
    prefix = scope.get(LANGUAGE_IN_SCOPE)
    headers = Headers(scope=scope)
    cookies = headers.get("cookie")
    remembered = cookie_parser(cookies).get(LANGUAGE_COOKIE) if cookies else None
    return prefix, choose_language(prefix, remembered, headers.get("accept-language"), own), remembered
