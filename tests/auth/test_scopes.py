"""Scopes: what may be asked for, and what a granted one allows."""

import pytest

from fedi_cluster.auth.scopes import ALL, allows, parse_scopes
from fedi_cluster.kernel.errors import Invalid


def test_scopes_are_read_once_each_in_their_order() -> None:
    assert parse_scopes("write read  write\tread:statuses") == ("write", "read", "read:statuses")
    assert parse_scopes("read write follow push") == ("read", "write", "follow", "push")


@pytest.mark.parametrize("text", ["", "  ", "read admin:write", "READ", "read:everything"])
def test_unknown_scopes_and_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_scopes(text)


@pytest.mark.parametrize(
    ("granted", "needed", "may"),
    [
        (("read",), "read:statuses", True),
        (("read",), "write:statuses", False),
        (("read:statuses",), "read:statuses", True),
        (("read:statuses",), "read", False),
        (("read:statuses",), "read:accounts", False),
        (("follow",), "write:follows", True),
        (("follow",), "read:blocks", True),
        (("follow",), "write:statuses", False),
        (("push",), "push", True),
        ((), "read", False),
    ],
)
def test_a_whole_scope_holds_its_parts(granted: tuple[str, ...], needed: str, may: bool) -> None:
    assert allows(granted, needed) is may


def test_every_scope_allows_itself() -> None:
    assert all(allows((scope,), scope) for scope in ALL)
