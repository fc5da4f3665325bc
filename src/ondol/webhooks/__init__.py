"""Who outside hears of what the registry does: signed messages to addresses, delivered at least once."""
