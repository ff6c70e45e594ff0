"""The tables of the mailer, a module a room. Importing this package fills `metadata`."""

from subscribers import tables as _subscribers  # noqa: F401  (foreign keys name its tables)
from subscribers.database import metadata

from . import campaigns, composer, delivery, house, media

__all__ = ["campaigns", "composer", "delivery", "house", "media", "metadata"]
