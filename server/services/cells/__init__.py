"""On-site stores: taking in, challenges, fetching."""
