"""The live view's side at the site: fragments in memory, pushed outwards only while somebody watches."""
