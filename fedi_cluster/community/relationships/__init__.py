"""Relationships: follow and block between any two actors."""
