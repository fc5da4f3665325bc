"""When a difference is drift, and when drift is an alarm."""
