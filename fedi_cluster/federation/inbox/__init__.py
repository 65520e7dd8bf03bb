"""What other servers tell us: received and logged at once, worked through in the order of each sender."""
