"""The field's nouns as frozen values, and the pure arithmetic on them: no I/O, no clock."""
