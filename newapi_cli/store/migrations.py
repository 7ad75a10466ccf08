"""The steps of the schema, run by `Database._migrate`. A released step is never changed.
`Database._prepare` rejects a newer schema.

Steps are numbered by position, and the number of the last one is the schema's version.

Times are seconds since 1970 (UTC). `use_number` orders sessions by their last use, because clocks
can go backwards. `request`, `attachments` and `tool_calls` are JSON. Parents and leaves are no
foreign keys: a deletion would search for children without an index, and an index would cost every
turn one more page.
"""

from __future__ import annotations

Step = tuple[str, ...]

VERSION_1: Step = (
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        is_named INTEGER NOT NULL,
        profile TEXT NOT NULL,
        host TEXT NOT NULL,
        model TEXT NOT NULL,
        system TEXT NOT NULL,
        left_out INTEGER NOT NULL,
        leaf_id INTEGER,
        turns INTEGER NOT NULL,
        created_at REAL NOT NULL,
        used_at REAL NOT NULL,
        use_number INTEGER NOT NULL
    )
    """,
    "CREATE INDEX sessions_by_use ON sessions (use_number)",
    "CREATE UNIQUE INDEX names_of_sessions ON sessions (title) WHERE is_named",
    """
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        parent_id INTEGER,
        prompt TEXT NOT NULL,
        answer TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        status TEXT NOT NULL,
        owner TEXT NOT NULL,
        model TEXT NOT NULL,
        answered_by TEXT NOT NULL,
        request TEXT NOT NULL,
        attachments TEXT NOT NULL,
        tool_calls TEXT NOT NULL,
        finish_reason TEXT,
        error TEXT NOT NULL,
        prompt_tokens INTEGER,
        completion_tokens INTEGER,
        total_tokens INTEGER,
        cached_tokens INTEGER,
        reasoning_tokens INTEGER,
        cost TEXT,
        request_id TEXT NOT NULL,
        first_token_s REAL,
        duration_s REAL,
        created_at REAL NOT NULL
    )
    """,
    "CREATE INDEX turns_of_session ON turns (session_id)",
    "CREATE INDEX open_turns ON turns (status) WHERE status = 'open'",
)

# `tried` is JSON: the models that failed before the last one. A session can move to another site,
# so each turn has a profile and a host; older turns get those of their session.
VERSION_2: Step = (
    "ALTER TABLE turns ADD COLUMN cost_kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE turns ADD COLUMN tried TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE turns ADD COLUMN profile TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE turns ADD COLUMN host TEXT NOT NULL DEFAULT ''",
    """
    UPDATE turns SET (profile, host) = (
        SELECT sessions.profile, sessions.host FROM sessions WHERE sessions.id = turns.session_id
    ) WHERE session_id IN (SELECT id FROM sessions)
    """,
)

# JSON: pairs of a URL and a title.
VERSION_3: Step = ("ALTER TABLE turns ADD COLUMN sources TEXT NOT NULL DEFAULT '[]'",)

MIGRATIONS: tuple[Step, ...] = (VERSION_1, VERSION_2, VERSION_3)
