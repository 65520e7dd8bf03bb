"""What regions of the cluster announce joins the cluster timeline once, and leaves it when deleted."""

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.posts.actions import announce, erase, unannounce
from fedi_cluster.community.posts.facts import Announced, PostDeleted
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.timelines import fanout, queries
from tests.builders import AT, FAR, Hands, entry


def pass_on(hands: Hands, who: Actor, post: Post) -> None:
    """An announce, and what follows from it in the cluster timeline."""
    hands.do(announce, who, post, f"https://x.example/{who.id}/{post.id}")
    [fact] = hands.told()
    assert isinstance(fact, Announced)
    hands.do(fanout.add_announced, AT, fact)


def shown(hands: Hands, region: Actor | None = None) -> list[tuple[int, int]]:
    page = hands.see(queries.cluster, PageRequest(), region.id if region else None)
    return [(one.post.id, one.region.id) for one in page.items]


def sister(hands: Hands) -> Actor:
    """Rostock joins; gives its region."""
    own = entry("szczecin")
    token, _ = hands.do(membership.invite, own)
    hands.do(membership.ask, token, entry("rostock"))
    hands.do(membership.confirm, FAR, own)
    hands.told()
    return hands.remote("region", uri=entry("rostock").region, type="Group", kind="Region")


def test_only_regions_of_the_cluster_fill_it(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    own, far = hands.local("region", type="Group", kind="Region", founding=True), sister(hands)
    stranger = hands.remote("region", "harbour.example", type="Group", kind="Region")
    here, there, passed = hands.write(ola), hands.receive(hanne), hands.receive(hanne)
    pass_on(hands, own, here)
    pass_on(hands, far, there)
    pass_on(hands, far, here)
    pass_on(hands, ola, passed)
    pass_on(hands, stranger, passed)
    assert shown(hands) == [(there.id, far.id), (here.id, own.id)]
    assert shown(hands, far) == [(there.id, far.id)]
    assert hands.see(queries.region_of_post, here.id) == own
    assert hands.see(queries.region_of_post, passed.id) is None
    hands.do(membership.remove, FAR, entry("szczecin"))
    hands.told()
    pass_on(hands, far, passed)
    assert len(shown(hands)) == 2


def test_what_is_deleted_leaves(hands: Hands) -> None:
    ola, own = hands.local("ola"), hands.local("region", type="Group", kind="Region", founding=True)
    post = hands.write(ola)
    pass_on(hands, own, post)
    hands.do(erase, ola, post)
    assert shown(hands) == []
    hands.do(fanout.remove_deleted, AT, PostDeleted(post.id, local=True))
    assert hands.see(queries.region_of_post, post.id) is None


def test_an_announce_that_was_taken_back_meanwhile(hands: Hands) -> None:
    ola, own = hands.local("ola"), hands.local("region", type="Group", kind="Region", founding=True)
    post = hands.write(ola)
    hands.do(announce, own, post, "a:1")
    [fact] = hands.told()
    assert isinstance(fact, Announced)
    hands.do(unannounce, own, post)
    hands.do(fanout.add_announced, AT, fact)
    assert shown(hands) == []
