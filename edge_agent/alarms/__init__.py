"""Alarm panels, digital inputs and local bridges: received, kept, understood, supervised and told to the server."""
