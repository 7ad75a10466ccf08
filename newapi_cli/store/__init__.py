"""Sessions in SQLite. The only package with SQL.

    database     the file: private from its first byte, migrated when opened, with its errors
    migrations   the numbered steps of the schema, append-only
    mapping      rows ⇄ sessions and turns
    sessions     SessionStore: save, find, change and delete sessions and turns; usage and costs
    inspection   read-only summary for `newapi doctor`

Invariants:

- A prompt is committed before its request is sent, and every write is one `BEGIN IMMEDIATE`: with a
  deferred transaction that reads first, the second of two processes fails at once.
- Rollback journal, not WAL: it works on network file systems and in read-only folders, and leaves
  no second file with old text.
- Every error of SQLite leaves this package as a `LocalError` that names the file.
"""
