"""How a box becomes an agent, and stays one: from a one-time code to a certificate, and from that to the next."""
