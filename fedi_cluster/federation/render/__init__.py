"""Our shapes as documents that other servers read; pure, and nothing here is signed, stored or sent."""
