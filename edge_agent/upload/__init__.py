"""From the spool into the object store, with a ticket from the server for each segment."""
