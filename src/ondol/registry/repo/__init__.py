"""The only SQL that touches models, versions and what became of them."""

from ondol.registry.repo import aliases, notes, production, reviews, search, tables, versions

__all__ = ["aliases", "notes", "production", "reviews", "search", "tables", "versions"]
