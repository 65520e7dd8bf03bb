"""One file for each type of activity; handlers do not know each other."""
