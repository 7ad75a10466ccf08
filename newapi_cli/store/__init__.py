"""Sessions in SQLite: opens, migrates itself, appends, finds, forgets. The only room with SQL.

    database     the file: private from its first byte, its pragmas, its migrations, its failures
    migrations   the numbered steps of the schema, append-only
    owners       which process writes an answer, and whether it still lives
    room         whether there was room to write, and what to do where there was none
    rows         rows of tables ⇄ values of the domain
    searching    the condition of a plain scan over prompts and answers
    spending     SpendingTable: what turns took, and exact costs
    sessions     SessionStore: begin, keep and end a turn; list, find, load, change, add, erase

Invariants:

- A prompt is committed before its request leaves, and every write is one `BEGIN IMMEDIATE`: with a
  deferred transaction that reads first, the second of two processes fails at once.
- Rollback journal, not WAL: it works on network folders and in read-only ones, and leaves no
  second file with old text behind.
- What SQLite raises leaves this room as a `LocalError` that names the file and what to do.
"""
