"""Says when a camera's picture is no good: one keyframe every two seconds, ten findings, no false one in a nap room.

Invariant: what cannot be told from a picture (in the dark nobody can see whether a lens is sharp) changes no finding:
one that is open stays open until a good picture clears it.

The way of a picture: ``decoder`` (320 pixels wide) → ``privacy`` (masked) → ``measuring`` (one pass) → ``findings``
(one score each) → ``hysteresis`` → ``watcher`` (raised or cleared). Only ``decoder`` and ``memory`` do I/O.
"""
