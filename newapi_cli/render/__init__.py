"""Output: what is written to stdout and stderr, and in which form.

Only `live`, `pager` and `session_view` import rich, `live`, `extract` and `transcript`
markdown-it: output to a pipe never waits for them.
"""
