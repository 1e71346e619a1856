"""The installer's acceptance test: from the camera to the lock, and what can be left behind as proof of it.

``steps`` runs it, ``outcome`` is what came of it, ``report`` writes that down in both languages. How it is shown to the
person at the machine is the command line's business.
"""
