"""The demo: four (or five) regions on one machine with public facts; it refuses to leave loopback."""
