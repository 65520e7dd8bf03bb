"""A page as an HTTP answer, in its frame and with its headers; it decides nothing about its matter."""

from collections.abc import Mapping, MutableMapping
from typing import Any, TypedDict

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import Unpack

from fedi_cluster.http.frame import REGIONS_WITH_LOOK, FeedLink, PageFrame, Site, south_baltic_funding
from fedi_cluster.http.locale import LANGUAGE_COOKIE, Words, with_language
from fedi_cluster.http.render import render
from fedi_cluster.settings import Settings
from fedi_cluster.web.regions import Regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.static_files import static_url
from fedi_cluster.web.visit import Visit
