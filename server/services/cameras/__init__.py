"""Cameras as configured: settings, desired state, discovery."""
