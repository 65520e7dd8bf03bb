"""What the server tells of its own work: logs, metrics, traces, readiness; it never changes what is done."""
