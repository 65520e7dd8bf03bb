"""Scopes: what may be asked for."""

import pytest

from fedi_cluster.auth.scopes import parse_scopes
from fedi_cluster.kernel.errors import Invalid


def test_scopes_are_read_once_each_in_their_order() -> None:
    assert parse_scopes("write read  write\tread:statuses") == ("write", "read", "read:statuses")
    assert parse_scopes("read write follow push") == ("read", "write", "follow", "push")


@pytest.mark.parametrize("text", ["", "  ", "read admin:write", "READ", "read:everything"])
def test_unknown_scopes_and_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_scopes(text)
