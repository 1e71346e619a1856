"""What a stranger needs in order to check evidence: the ledger's tree, checkpoints, the package and its verifier.

Imports nothing but the standard library, cryptography and msgspec, so that the verifier installs by itself.
"""
