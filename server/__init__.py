"""The centre: takes evidence in, checks it against the store, makes verdicts and shows them."""
