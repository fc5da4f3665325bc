"""Serving answers no events: the planes of all processes watch the revision of their endpoints."""
