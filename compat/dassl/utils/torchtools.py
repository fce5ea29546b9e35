"""Dassl's module of this name, for repositories that import from it rather than from ``dassl.utils``."""
from . import *  # noqa: F403  the names stand once, in __init__.py
