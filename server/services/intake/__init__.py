"""What comes in: messages, uploads and alarms, each accepted in one transaction."""
