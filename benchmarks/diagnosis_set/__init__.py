"""A labelled set of camera pictures, built in code from photographs that Python packages carry with them.

Invariant: a photograph belongs to one half of the set. Thresholds were chosen on the first half; scores are told of the
second. Every picture has been through a real H.264 encoder and the agent's own keyframe decoder. All is drawn from
seeded random numbers: two runs see the same pixels.
"""
