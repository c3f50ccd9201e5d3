"""Fixtures shared by the tests."""

pytest_plugins = ["hub_fixtures"]
