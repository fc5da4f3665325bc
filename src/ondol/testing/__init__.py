"""Conformance suites for authors of adapters: subclass one, give it your adapter, run pytest."""
