"""ONVIF: finds cameras, asks them about themselves, their clocks, inputs and recordings.

Invariant: a camera's answer is a stranger's. Every wait has a deadline over the whole exchange, every answer a limit in
bytes, XML with a document type or entities is refused, and no answer sends us to another host.

Why not a library: those for Python know no Media2 service, without which a camera tells of no H.265 profile; they
switch the XML parser's limits off, and cost a process 60 MB. What is needed of ONVIF are fifteen small calls.
"""
