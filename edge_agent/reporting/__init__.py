"""The link to the centre: MQTT v5, the durable outbox, heartbeats, and the server's answers."""
