"""The registers of the inventory as tables that people fill in: what columns there are, and what a cell may hold. Pure.

``cells.py`` reads one cell, ``words.py`` has the Chinese words, ``tables.py`` lists tables and columns, ``sheets.py``
makes rows of a sheet's cells, ``regions.py`` holds the rules of the region tree. A fault names row and column and has a
code; its words are the pages' own. A column that is not in a file stays as it is; an empty cell empties.
"""
