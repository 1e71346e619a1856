"""The inventory's tables: import, export, registration."""
