"""Config file, environment and options, merged into one frozen `Settings`.

    paths            locations of config file, data and cache; owners of new files
    file             config.toml → ConfigFile, with errors that contain no text of the file;
                     atomic replacement of a file
    fields           the table of settings: type, range, default, help
    settings         option, environment, profile, default → domain.settings.Settings; which key,
                     headers and client certificate may be sent to which host
    headers          the headers of a profile: checks, commands, masking
    keys             KeySource → key; checks of a key; running of key commands
    edit             changes to config.toml that keep its comments (loads tomlkit)
    cache            cached responses of gateways, and model names for shell completion

Invariants:

- No message, `repr` or warning contains a key, nor a line of the config file, which may contain
  one. Names from the file are displayed only if they cannot be a key (`text.quote_name`).
- A profile's key is sent only to scheme, host and port of that profile's base URL (`settings`).
- Files with keys have mode 0600 from their first byte and new folders 0700, whatever the umask is.
  What root creates in a user's folder belongs to that user.
- Only regular files are replaced.
- The config file is replaced atomically, under a lock, after the new text has been parsed again.
  Unknown names in it are kept.
- Nothing runs at import, and loading settings runs no command: a key command runs in
  `keys.read_key`, just before a request is sent.
"""
