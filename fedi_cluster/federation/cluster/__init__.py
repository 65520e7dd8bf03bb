"""What only sister instances do: join, tell the list of members, meet, fetch the history, greet."""
