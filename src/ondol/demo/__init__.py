"""The story: a year of real flights, played against a real house over HTTP."""
