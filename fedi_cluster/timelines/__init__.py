"""Timelines: who sees which posts in which order; derived from the community, never written by visitors."""
