"""The pages: templates, words in two languages, and the drawing of a day. Pure but for reading its own files at start."""
