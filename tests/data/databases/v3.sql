-- A store as version 3 of the schema writes it; `.dump` of SQLite. Never to be changed.
PRAGMA user_version = 3;
BEGIN TRANSACTION;
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
    );
INSERT INTO "sessions" VALUES('1a2b3c4d5e6f','taxes',1,'work','https://gateway.example/v1','gpt','用中文回答',0,3,3,1770000000.0,1770000120.0,4);
INSERT INTO "sessions" VALUES('0f0e0d0c0b0a','hello',0,'','','','',0,4,1,1770000180.0,1770000180.0,6);
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
    , cost_kind TEXT NOT NULL DEFAULT '', tried TEXT NOT NULL DEFAULT '[]', profile TEXT NOT NULL DEFAULT '', host TEXT NOT NULL DEFAULT '', sources TEXT NOT NULL DEFAULT '[]');
INSERT INTO "turns" VALUES(1,'1a2b3c4d5e6f',NULL,'天空为什么是蓝色的？','因为散射。🌌','hm','complete','1:1','gpt','gpt-2026','{"temperature": 0.5}','[]','[]','stop','',9,3,12,1,2,'0.0001','req-1',0.5,1.25,1770000000.0,'exact','[["gpt-big", "503 无可用渠道"], ["gpt-new", "no such model"]]','home','https://other.example/v1','[["https://a.example/boil", "Boiling"], ["https://b.example/steam", ""]]');
INSERT INTO "turns" VALUES(2,'1a2b3c4d5e6f',1,'a picture','par','','incomplete','1:1','gpt','','{}','[["a.png", "/tmp/a.png", "image/png", 12, "abababababababababababababababababababababababababababababababab"]]','[["1", "weather", "{}"]]',NULL,'cut off',NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,1770000060.0,'tiered','[]','work','https://gateway.example/v1','[]');
INSERT INTO "turns" VALUES(3,'1a2b3c4d5e6f',1,'again','was still coming','','open','1:1','gpt','','{}','[]','[]',NULL,'',NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,1770000120.0,'','[]','work','https://gateway.example/v1','[]');
INSERT INTO "turns" VALUES(4,'0f0e0d0c0b0a',NULL,'hello','','','error','1:1','','','{}','[]','[]',NULL,'refused',NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,1770000180.0,'unknown','[]','','','[]');
CREATE INDEX sessions_by_use ON sessions (use_number);
CREATE UNIQUE INDEX names_of_sessions ON sessions (title) WHERE is_named;
CREATE INDEX turns_of_session ON turns (session_id);
CREATE INDEX open_turns ON turns (status) WHERE status = 'open';
COMMIT;
