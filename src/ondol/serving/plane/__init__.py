"""The data plane: predictions, and the log of them. Knows no web framework."""
