"""What a page prints: frozen, translated, with addresses already made; it asks no database."""
