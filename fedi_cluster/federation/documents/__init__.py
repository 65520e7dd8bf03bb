"""What other servers read here, by content negotiation; a page of the same things is the web's."""
