"""Reading of strangers: their documents, keys, actors and objects, signed by our instance actor."""
