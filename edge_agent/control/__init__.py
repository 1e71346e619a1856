"""The way to talk to a running agent on its own machine: ``status`` and ``accept`` use it.

A Unix socket in the agent's state folder, one question and one answer a connection, each a line of JSON. Only the
agent's own user and root can open it.
"""
