"""The version of the package, alone so that packaging can read it without importing numpy."""

__version__ = "0.1.0"
