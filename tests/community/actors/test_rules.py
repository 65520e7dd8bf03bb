"""Which names may be taken, and what a region is."""

import pytest

from fedi_cluster.community.actors.rules import TYPES, check_name, is_region
from fedi_cluster.kernel.addresses import RESERVED_NAMES
from fedi_cluster.kernel.errors import Invalid


@pytest.mark.parametrize("name", ["a", "atelier_7", "_", "7", "x" * 30])
def test_names_that_may_be_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x" * 31, "Ola", "ola\n", "\nola", "o-la", "o.la", "o la", "óla", "ola@rostock.example", "../x"],
)
def test_what_is_no_name(name: str) -> None:
    for founding in (False, True):
        with pytest.raises(Invalid) as refused:
            check_name(name, founding=founding)
        assert "name" in refused.value.fields


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_names_of_the_house_are_reserved(name: str) -> None:
    check_name(name, founding=True)
    with pytest.raises(Invalid, match="reserved"):
        check_name(name)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("kind", ["Region", "Editorial", None])
def test_a_region_is_a_group_that_says_so(type_: str, kind: str | None) -> None:
    assert is_region(type_, kind) is (type_ == "Group" and kind == "Region")
