"""Acts on a database, on each engine."""

from tests.plugins.hands import hands, lasting_hands

__all__ = ["hands", "lasting_hands"]
