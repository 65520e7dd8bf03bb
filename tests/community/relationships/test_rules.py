"""What is answered to a wish to follow: every case, none left out."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

from fedi_cluster.community.actors.rules import TYPES
from fedi_cluster.community.relationships.rules import Answer, answer
from tests.builders import actor_shape

WHEN = datetime(2026, 11, 25, tzinfo=UTC)
EITHER = (False, True)
CASES = list(product(TYPES, EITHER, EITHER, EITHER, EITHER, EITHER))


def test_every_wish_has_its_answer() -> None:
    for type_, local, asks, deleted, blocked, self_ in CASES:
        target = replace(
            actor_shape(1 if self_ else 2),
            type=type_,
            local=local,
            manually_approves=asks,
            deleted_at=WHEN if deleted else None,
        )
        said = answer(actor_shape(1), target, blocked=blocked)
        if blocked or self_ or deleted or type_ == "Application":
            assert said is Answer.REFUSE, target
        else:
            assert said is (Answer.ACCEPT if local and not asks else Answer.ASK), target
