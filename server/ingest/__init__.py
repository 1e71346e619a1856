"""The process that takes messages in from the broker, reads uploads back and answers the agents."""
