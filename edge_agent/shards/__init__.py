"""Cameras in processes of their own: a crash in native code takes a few of them down for two seconds, never the agent."""
