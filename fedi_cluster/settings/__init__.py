"""Settings: one frozen object from a TOML file and variables, checked at start; it knows no other room."""

from fedi_cluster.settings.fields import Limits, Setting, Settings, all_settings
from fedi_cluster.settings.load import SettingsError, load
from fedi_cluster.settings.papers import page, write_file
from fedi_cluster.settings.readers import Network

__all__ = [
    "Limits",
    "Network",
    "Setting",
    "Settings",
    "SettingsError",
    "all_settings",
    "load",
    "page",
    "write_file",
]
