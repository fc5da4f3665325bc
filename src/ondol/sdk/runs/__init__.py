"""Runs of any script or notebook: logged in microseconds, spooled to disk, delivered in the background."""
