"""What the interfaces share: guard, errors to answers, render, locale; it speaks no interface's language."""
