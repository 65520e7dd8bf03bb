"""Every address that this instance gives out; what can never change later is written here alone."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

ACTOR_NAME = re.compile(r"[a-z0-9_]{1,30}")
_USUAL = 300  # characters; longer addresses are not kept, because strangers choose them
_BEGINNING = re.compile(r"[^/?#]*//[^/?#]+")
RESERVED_NAMES = frozenset(
    {"region", "agenda", "projects", "advice", "strategy", "cluster", "admin", "actor"}
)

# Decision 0004: the name is to be registered at w3id.org before the first release; it is never fetched.
NAMESPACE = "https://w3id.org/fedi-cluster/ns#"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one instance: `base` without a slash at its end, `handle_domain` behind the @."""

    base: str
    handle_domain: str

    @property
    def host(self) -> str:
        """The authority of the base URL: host, and port where it is not the usual one."""
        return urlsplit(self.base).netloc

    @property
    def instance_actor(self) -> str:
        """Id of the Application that signs fetches."""
        return f"{self.base}/actor"

    @property
    def region(self) -> str:
        """Id of the region's Group."""
        return self.actor("region")

    @property
    def shared_inbox(self) -> str:
        """Where one delivery serves all local actors."""
        return f"{self.base}/inbox"

    @property
    def members(self) -> str:
        """Id of the signed list of the cluster's members as this instance knows it."""
        return f"{self.base}/cluster/members"

    @property
    def digest(self) -> str:
        """Id of the digest of all that this instance has in public."""
        return f"{self.base}/cluster/digest"

    def digest_of(self, host: str) -> str:
        """Id of the digest of what this instance holds of the sister on `host`."""
        return f"{self.base}/cluster/copies/{host}/digest"

    def copy(self, uri: str) -> str:
        """Where this instance gives the signed bytes of a sister's thing."""
        return f"{self.base}/cluster/copy?id={quote(uri, safe='')}"

    def actor(self, name: str) -> str:
        """Id of a local actor by its name."""
        return f"{self.base}/actors/{name}"

    def profile(self, name: str) -> str:
        """The page of a local actor."""
        return f"{self.base}/@{name}"

    def region_page(self, slug: str) -> str:
        """The page of a region."""
        return f"{self.base}/r/{slug}"

    def object(self, identifier: int) -> str:
        """Id of a local post."""
        return f"{self.base}/objects/{identifier}"

    def post_page(self, name: str, identifier: int) -> str:
        """The page of a local post."""
        return f"{self.base}/@{name}/{identifier}"

    def activity(self, identifier: int) -> str:
        """Id of one of our own activities."""
        return f"{self.base}/activities/{identifier}"

    def tag(self, key: str) -> str:
        """The page of a hashtag by its folded key."""
        return f"{self.base}/tags/{key}"

    def is_ours(self, uri: str) -> bool:
        """Whether an id lies on this instance: same scheme, host and port."""
        return uri == self.base or uri.startswith(self.base + "/")


def host_of(uri: str) -> str:
    """The lower-case authority of an id (`rostock.example`, `localhost:8001`); empty where there is none."""
    return (_usual_host if len(uri) <= _USUAL else _host)(uri)


def _host(uri: str) -> str:
    beginning = _BEGINNING.match(uri)
    if beginning is None or beginning.end() > _USUAL:
        return _host_of(uri)
    return _host_of_beginning(beginning[0])


def _host_of(uri: str) -> str:
    try:
        return urlsplit(uri).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


# A thing is named several times while it is worked; ids are nearly all new, their servers nearly all known.
_usual_host = lru_cache(maxsize=2_048)(_host)
_host_of_beginning = lru_cache(maxsize=2_048)(_host_of)
