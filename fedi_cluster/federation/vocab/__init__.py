"""Strangers' JSON as our own typed shapes; it knows no network, database or web framework."""
