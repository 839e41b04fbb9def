-- The tables of a SqliteStore. `SqliteStore::open` executes this text in one transaction if they are
-- missing. Executing it again changes nothing.
--
-- All times are milliseconds, those of moments since 1970-01-01T00:00:00Z.

CREATE TABLE IF NOT EXISTS nevent_webhooks_schema (version INTEGER NOT NULL) STRICT;

INSERT INTO nevent_webhooks_schema
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM nevent_webhooks_schema);

-- A record is in flight, held by its token until `ends`, or completed until `ends`. Afterwards it
-- counts as none. A completion and a renewal change no indexed column, so they write to no index.
CREATE TABLE IF NOT EXISTS nevent_webhooks_records (
    ends INTEGER NOT NULL,
    -- When a record that nobody renewed can be deleted. `ends` decides.
    delete_after INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    retention INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    token BLOB NOT NULL,
    -- The format's version, then the hash of the body.
    fingerprint BLOB NOT NULL,
    UNIQUE (scope, id, kind)
) STRICT;

CREATE INDEX IF NOT EXISTS nevent_webhooks_records_delete_after
    ON nevent_webhooks_records (delete_after);

-- The id that signed bytes first came with, by the scope and a replay key.
CREATE TABLE IF NOT EXISTS nevent_webhooks_replays (
    expires INTEGER NOT NULL,
    replay_window INTEGER NOT NULL,
    scope TEXT NOT NULL,
    replay_key BLOB NOT NULL,
    id TEXT NOT NULL,
    UNIQUE (scope, replay_key)
) STRICT;

CREATE INDEX IF NOT EXISTS nevent_webhooks_replays_expires ON nevent_webhooks_replays (expires);

-- A handler inserts here to complete the record in its own transaction. The view holds no rows. It is
-- no table, because a connection whose triggers are switched off could insert into a table.
CREATE VIEW IF NOT EXISTS nevent_webhooks_completion AS
    SELECT scope, kind, id, token FROM nevent_webhooks_records WHERE false;

-- Rolls back the handler's whole transaction unless the record is in flight for the token.
CREATE TRIGGER IF NOT EXISTS nevent_webhooks_complete
INSTEAD OF INSERT ON nevent_webhooks_completion
BEGIN
    SELECT RAISE(ROLLBACK, 'nevent_webhooks: the delivery is completed already') WHERE EXISTS (
        SELECT 1 FROM nevent_webhooks_records
            WHERE scope = NEW.scope AND id = NEW.id AND kind = NEW.kind
                AND completed AND ends > CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER));
    SELECT RAISE(ROLLBACK, 'nevent_webhooks: the claim was lost') WHERE NOT EXISTS (
        SELECT 1 FROM nevent_webhooks_records
            WHERE scope = NEW.scope AND id = NEW.id AND kind = NEW.kind
                AND token = NEW.token AND NOT completed);
    UPDATE nevent_webhooks_records
        SET completed = 1, ends = CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) + retention
        WHERE scope = NEW.scope AND id = NEW.id AND kind = NEW.kind;
END;
