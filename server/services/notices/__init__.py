"""Notices: who is told of what, once."""
