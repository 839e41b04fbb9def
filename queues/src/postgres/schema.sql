-- The table of a queue's entries. `PostgresOptions::migrate` executes this text, with the name of your
-- schema in place of nevent_webhooks. Executing it again changes nothing.
--
-- Roles with limited rights need:
--
--   GRANT USAGE ON SCHEMA nevent_webhooks TO receiver, worker;
--   GRANT SELECT, INSERT ON nevent_webhooks.entries TO receiver;
--   GRANT SELECT, UPDATE, DELETE ON nevent_webhooks.entries TO worker;
--   GRANT EXECUTE ON FUNCTION nevent_webhooks.entries_version() TO receiver, worker;
--
-- Everyone has the last one, unless the default privileges of your database revoke it.
-- The rights on the store's tables come beside these. `PostgresStore::schema_sql` lists them.

CREATE SCHEMA IF NOT EXISTS nevent_webhooks;

CREATE TABLE IF NOT EXISTS nevent_webhooks.entries (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Of this row alone. A number may be given again: by a standby that was behind when it took over, or
    -- by a backup that was restored. The row that it had before must not be taken for this one.
    token uuid NOT NULL DEFAULT gen_random_uuid(),
    -- When the entry is due. While a worker has it: when the worker's lease expires.
    run_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Since when it is a dead letter.
    dead_at timestamptz,
    -- When the receiver had the whole body, in Unix milliseconds.
    received_at_ms bigint,
    -- The worker that has it. A row that is due and has a lease was a worker's that has vanished.
    lease bigint,
    -- Attempts that have failed, and workers that have vanished.
    attempts integer NOT NULL DEFAULT 0,
    vanished integer NOT NULL DEFAULT 0,
    queue text COLLATE "C" NOT NULL,
    -- The id and the type of the event, for people. `envelope` decides.
    id text COLLATE "C" NOT NULL DEFAULT '',
    event_type text COLLATE "C",
    -- How the last attempt ended. Of a dead letter: why it is one.
    reason text COLLATE "C",
    -- JSON. Not `jsonb`, which refuses \u0000 and changes the text.
    envelope text NOT NULL
) WITH (
    -- Each entry leaves dead rows behind. By default the table would grow by a fifth before they are
    -- removed, and a table with many entries that wait would leave millions.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 5000
);

-- Dead letters are in neither a worker's index nor its way.
CREATE INDEX IF NOT EXISTS entries_due ON nevent_webhooks.entries (queue, run_at)
    WHERE dead_at IS NULL;
CREATE INDEX IF NOT EXISTS entries_dead ON nevent_webhooks.entries (queue, dead_at, number)
    WHERE dead_at IS NOT NULL;

-- The version of this table.
CREATE OR REPLACE FUNCTION nevent_webhooks.entries_version() RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT 1';
