"""The configuration: one TOML file, the environment above it, every fault told at once.

Owns what a key means and its default (`model`) and how it is read (`load`). Knows no room: the
rooms receive plain values from `bootstrap`.
"""

from .load import example, load
from .model import Config

__all__ = ["Config", "example", "load"]
