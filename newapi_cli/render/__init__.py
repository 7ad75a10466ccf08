"""Turns values into text for one chosen target; it decides nothing else.

Only `markdown` and `tables` import rich: what goes to a pipe never waits for it.
"""
