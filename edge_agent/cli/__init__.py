"""The agent's command line, ``nightlight-agent``: one module a command, and the words of all of them in ``texts``.

A command is a module with ``arguments(parser)`` and ``run(desk) -> int``; ``frame.COMMANDS`` names it. It speaks only
through ``desk.screen``, with texts that stand in ``texts/<command>.<language>.toml`` for every language.
"""
