"""The only SQL that touches runs. Importing it declares the tables."""

from ondol.tracking.repo import tables as tables
