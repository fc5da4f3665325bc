"""What there is in the house, who uses it, and what is in it."""
