"""Frozen values and pure arithmetic on them: no I/O, no clock."""
