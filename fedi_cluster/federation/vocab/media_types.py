"""The two media types of ActivityPub, and which of them a text names."""

ACTIVITY_JSON = "application/activity+json"
_PROFILE = "https://www.w3.org/ns/activitystreams"
ACCEPT = f'{ACTIVITY_JSON}, application/ld+json; profile="{_PROFILE}"'


def is_activity_type(content_type: str) -> bool:
    """Whether a Content-Type is one of the two (ActivityPub 3.2), with or without charset."""
    name, _, parameters = content_type.partition(";")
    match name.strip().lower():
        case "application/activity+json":
            return True
        case "application/ld+json":
            return _PROFILE in parameters
    return False
