"""Reads lines, recognises slash commands, hands each prompt to the very same turn as one-shot."""
