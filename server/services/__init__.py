"""One use case a module. Sessions are opened and committed here; queries live in storage.database."""
