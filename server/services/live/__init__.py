"""Tickets, views and pushes of the live view."""
