"""Turns files, environment and flags into one frozen `Settings`, each value with its origin.

    paths        where the config file, the data and the cache live
    ownership    whose a file is that root makes, and what is no file
    toml_text    bytes → TOML table, every complaint without a word of the file
    file         config.toml → ConfigFile; text → config.toml, whole or not at all
    fields       the one table of settings: type, range, default, variable, flag, help
    layers       one setting looked for in flag, environment, profile, default, in this order
    keys         which key may go to which host
    settings     all of it → domain.profile.Settings
    secrets      a KeySource → the key; what a key may look like
    masking      text without keys, for every output
    edit         changes to config.toml, its comments kept (the only one that loads tomlkit)
    connection   a pasted URL, or the console's clipboard text
    spelling     near misses of names

Invariants:

- A key is in no message, no `repr` and no warning; neither is a line of the file, since the key may
  stand in it. Names from the file are shown only where they cannot be a key (`spelling.shown`).
- A profile's key goes to the scheme, host and port of that profile's base URL, nowhere else.
- What holds a key is 0600 from its first byte, its new folders 0700, on any umask. What root makes
  in somebody's folder is that person's.
- Nothing but a regular file is ever replaced.
- The file is replaced whole, under a lock, after the result has been read back; what newapi does
  not know in it stays.
- Nothing here runs at import, and reading settings runs no command: a key command runs in
  `secrets.read_key`, when a request is about to leave.
"""
