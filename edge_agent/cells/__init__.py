"""The site's own store: answers to the centre's challenges, and recordings that the centre asks for."""
