"""Words that all rooms share. Imports the standard library and msgspec only."""
