"""Fresh keys for a local actor to be, as the community stores and shows them; it stores none."""

from fedi_cluster.community.actors.shapes import Key, OwnKeys
from fedi_cluster.community.regions.founding import KeyPair
from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair


def fresh_keys(actor_uri: str) -> KeyPair:
    """An RSA-2048 and an Ed25519 pair whose public ids begin with `actor_uri`; takes a moment, so before
    the transaction."""
    rsa, ed25519 = generate_pair()
    public = PrivateKeys(actor_uri, rsa, ed25519).public_keys()
    return KeyPair(
        OwnKeys(rsa, ed25519), tuple(Key(key.id, key.owner, key.kind, key.material) for key in public)
    )
