"""Actors: Person, Organization, Group, Application, Service, of this instance or of others."""
