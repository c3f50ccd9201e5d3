"""Fixtures shared by the tests."""

pytest_plugins = ["hub_fixtures", "publish_fixtures", "core_fixtures", "page_fixtures", "browser_fixtures"]
