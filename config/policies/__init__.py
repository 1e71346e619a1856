"""Policy packs: what laws, local rules, standards and operators ask of a facility, as rules that software can check.

A pack is a YAML file in ``packs/``; ``pack.py`` is its shape (published as ``policy-pack.schema.json``), ``metrics.py``
what a rule may measure, ``reading.py`` loads packs and refuses bad ones with file, line and reason, ``book.py`` joins a
pack with those it extends. What a rule's outcome is for a site is decided in ``server.domain.compliance``.
"""
