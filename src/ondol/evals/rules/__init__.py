"""How good a classifier is, whether another one is better, and what the gate says to that."""
