"""Everything that puts Nightlight onto a machine; ``local`` is the whole stack on one."""
