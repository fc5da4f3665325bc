"""Ondol: one fire, every room warm."""
