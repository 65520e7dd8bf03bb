"""A federated ActivityPub community server for regions that work together."""

__version__ = "0.1.0"
