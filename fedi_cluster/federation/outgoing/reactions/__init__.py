"""From facts of the community to activities; each runs as a job in one transaction, without the network."""
