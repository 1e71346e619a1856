"""Reports: a site's month gathered, set, signed and kept."""
