"""The whole stack on one machine: set-up, broker, store, camera simulator, demonstration.

Whatever runs before the virtual environment exists imports the standard library only.
"""
