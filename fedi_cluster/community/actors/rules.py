"""Decisions about actors: which names may be taken, and which types there are."""

from fedi_cluster.kernel.addresses import ACTOR_NAME, RESERVED_NAMES
from fedi_cluster.kernel.errors import Invalid

TYPES = ("Person", "Organization", "Group", "Application", "Service")

INSTANCE_ACTOR = "actor"
REGION = "region"


def check_name(name: str, *, founding: bool = False) -> None:
    """Raises `Invalid` where a local actor may not be called so; `founding` may take the reserved names."""
    if not ACTOR_NAME.fullmatch(name):
        raise Invalid(
            f"“{name}” cannot be a name: use 1 to 30 of a–z, 0–9 and _, as in atelier_7.",
            fields={"name": "use 1 to 30 of a–z, 0–9 and _"},
        )
    if name in RESERVED_NAMES and not founding:
        raise Invalid(
            f"“{name}” is reserved for the instance itself; choose another name.",
            fields={"name": "reserved"},
        )


def is_region(type_: str, kind: str | None) -> bool:
    """Whether an actor is a region: a Group that says so in our own term (golden `actor-region`)."""
    return type_ == "Group" and kind == "Region"
