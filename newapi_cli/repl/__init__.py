"""Reads lines, recognizes slash commands, hands each prompt to the very same turn as one-shot."""
