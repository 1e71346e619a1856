"""Decoding footage that may be hostile, in a process of its own.

``child`` is what that process runs; it imports nothing of ours, holds no secret, and is given nothing but the bytes on its
standard input. ``parent`` starts it and believes no more of its answer than figures within bounds.
"""
