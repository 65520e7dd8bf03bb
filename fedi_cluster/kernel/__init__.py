"""Words that every room uses; it knows no room, no database, no network and no web framework."""
