"""Who signs in: passwords, users and their tokens; it knows actors by their ids alone."""
