import pytest, shutil
from fedi_cluster.kernel.errors import Unauthenticated
from tests.towns.stranger import stranger
from fedi_cluster.federation.remote.keys import KeyRing
@pytest.mark.anyio
async def test_poison(sea, town):
    there = stranger(sea, "p.example"); mia = there.person("mia")
    h = town.house.federation
    ring = KeyRing(h.db, h.clock, h.fetcher, h.actors, h.settings.limits)
    await ring.find(mia.keys.main_key_id)
    sea.clock.forward(hours=1)
    sea.network.down("p.example")
    try:
        print("again", await ring.find_again(mia.keys.main_key_id))
    except Unauthenticated as e: print("again raised", e)
    sea.network.down("p.example", down=False)
    print("limits", h.settings.limits.key_negative, h.settings.limits.key_refetch)
    try:
        print("find ok", (await ring.find(mia.keys.main_key_id)).id)
    except Unauthenticated as e: print("POISONED", e)
