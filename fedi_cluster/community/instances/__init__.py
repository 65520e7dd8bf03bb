"""Instances: the servers that we know, and the sisters with whom we form a cluster."""
