"""Where everything is kept: engines, units of work, tables; it knows no HTTP and no rule of the community."""
