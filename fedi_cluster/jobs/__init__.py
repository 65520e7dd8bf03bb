"""Durable work: what must happen later is a row beside what caused it; it knows no kind of job by itself."""
