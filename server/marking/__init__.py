"""From a clip to the view that it was taken of: reading, finding the picture in it, soft bits, accusation."""
