"""The wire contract between site and centre; PROTOCOL.md beside this file is its text for strangers.

Every message, up or down, is one signed DSSE envelope around one JSON document; ``catalogue`` lists the kinds.
"""
