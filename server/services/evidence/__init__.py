"""The ledger, attestations, checkpoints, and the packages made from them."""
