"""The project file as data: what it declares, what applying it would change."""
