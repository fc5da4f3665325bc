"""The command line: a command for every operation, and a few written by hand."""

from ondol.doors.cli.main import main

__all__ = ["main"]
