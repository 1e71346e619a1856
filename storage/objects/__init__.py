"""Evidence objects: the store's port, its S3 adapter, upload tickets, provisioning and the proof that it keeps them.

Start at ``port.EvidenceStore``; CONFORMANCE.md beside this file says what each backend really does.
"""
