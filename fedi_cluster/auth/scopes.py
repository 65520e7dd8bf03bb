"""Scopes of tokens as Mastodon's API names them; pure decisions, it reads no token."""

from fedi_cluster.kernel.errors import Invalid

_READ = (
    "accounts", "blocks", "bookmarks", "favourites", "filters", "follows", "lists", "mutes",
    "notifications", "search", "statuses",
)  # fmt: skip
_WRITE = (
    "accounts", "blocks", "bookmarks", "conversations", "favourites", "filters", "follows", "lists",
    "media", "mutes", "notifications", "reports", "statuses",
)  # fmt: skip

ALL = (
    "read",
    *(f"read:{noun}" for noun in _READ),
    "write",
    *(f"write:{noun}" for noun in _WRITE),
    "follow",
    "push",
    "profile",
)
"""Every scope that a token may carry (docs.joinmastodon.org, "OAuth Scopes", without the admin ones)."""


def parse_scopes(text: str) -> tuple[str, ...]:
    """The scopes in a text with spaces, each once; raises `Invalid` for none or an unknown one."""
    wanted = tuple(dict.fromkeys(text.split()))
    unknown = [scope for scope in wanted if scope not in ALL]
    if unknown or not wanted:
        what = f"{', '.join(unknown)} is not a scope" if unknown else "no scope was named"
        raise Invalid(
            f"{what}; use read, write, follow, push, or finer ones such as read:statuses.",
            fields={"scopes": "unknown"},
        )
    return wanted
