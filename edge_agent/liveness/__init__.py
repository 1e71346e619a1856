"""Whether the agent's loops still turn, and telling systemd so.

``registry`` knows since when each loop has been silent; ``notify`` speaks systemd's protocol. The process's main loop
puts the two together: systemd hears a ping only while no loop is overdue.
"""
