"""Regions: the location's Group actor, and what it passes on."""
