"""What a person who signs in may do, as one word; which acts a role allows is decided where they are."""

ROLES = ("host", "moderator", "editor", "member")
"""`host` runs the instance and its membership of the cluster, `moderator` settles reports, `editor` writes
for the region, `member` for herself."""
