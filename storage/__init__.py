"""Objects under lock, and the database."""
