"""The only SQL that touches runs and traces. Importing it declares the tables."""

from ondol.tracking.repo import tables as tables
from ondol.tracking.repo import trace_tables as trace_tables
