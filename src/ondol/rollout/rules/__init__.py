"""Which share a new version gets, and what the evidence says about it."""
