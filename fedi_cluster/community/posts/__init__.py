"""Posts of every kind, and what people do with them: like, announce, answer."""
