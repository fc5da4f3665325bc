"""What may be declared and registered, how a package is written, and what its card says."""
