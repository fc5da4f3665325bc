"""Kinds of models: how each is packed, read back and asked."""
