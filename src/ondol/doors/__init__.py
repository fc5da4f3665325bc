"""The doors: REST, client, command line, OpenAPI, all derived from the catalog."""
