"""What only sister instances do: join, tell the list of members, meet, greet, compare, recover."""
