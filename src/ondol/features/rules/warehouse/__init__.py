"""Definitions said to other engines: Spark, warehouses, DuckDB.

`canonical` writes the types and special cases of an expression out, as `rules.sql` gives them a meaning for
Polars; `dialects` writes that for an engine; `training` makes the statement that gives a training set.
"""
