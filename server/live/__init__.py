"""server.live: the one asynchronous process; what agents push goes out to whoever may look."""
