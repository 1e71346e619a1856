"""Clock, interval algebra, errors, identifiers, backoff and logs: the ground everything stands on."""
