"""Holds, deletion after the last day, certificates."""
