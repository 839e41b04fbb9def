-- The tables and functions of a PostgresStore. `PostgresStore::migrate` executes this text, with the
-- name of your schema in place of nevent_webhooks. Executing it again changes nothing.
--
-- A role with limited rights needs, in the store:
--
--   GRANT USAGE ON SCHEMA nevent_webhooks TO receiver;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA nevent_webhooks TO receiver;
--
-- and in a handler that completes deliveries in its own transaction:
--
--   GRANT USAGE ON SCHEMA nevent_webhooks TO handler;
--   GRANT SELECT, UPDATE ON nevent_webhooks.records TO handler;
--
-- Where PUBLIC may not execute new functions, both need EXECUTE ON ALL FUNCTIONS IN SCHEMA
-- nevent_webhooks, too.

CREATE SCHEMA IF NOT EXISTS nevent_webhooks;

-- A record is in flight, held by its token until `ends`, or completed until `ends`. Afterwards it
-- counts as none. A completion changes neither an indexed column nor the length of the row, so it
-- writes to no index (a HOT update).
CREATE TABLE IF NOT EXISTS nevent_webhooks.records (
    ends timestamptz NOT NULL,
    -- When a record that nobody renewed can be deleted. `ends` decides.
    delete_after timestamptz NOT NULL,
    lease interval NOT NULL,
    retention interval NOT NULL,
    completed boolean NOT NULL,
    scope text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    token bytea NOT NULL,
    -- The format's version, then the hash of the body.
    fingerprint bytea NOT NULL,
    PRIMARY KEY (scope, id, kind)
) WITH (fillfactor = 80);

CREATE INDEX IF NOT EXISTS records_delete_after ON nevent_webhooks.records (delete_after);

-- The id that signed bytes first came with, by the scope and a replay key.
CREATE TABLE IF NOT EXISTS nevent_webhooks.replays (
    expires timestamptz NOT NULL,
    scope text COLLATE "C" NOT NULL,
    replay_key bytea NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (scope, replay_key)
) WITH (fillfactor = 90);

CREATE INDEX IF NOT EXISTS replays_expires ON nevent_webhooks.replays (expires);

-- The version of these tables and functions.
CREATE OR REPLACE FUNCTION nevent_webhooks.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT 1';

-- Whether two fingerprints belong to different bodies. Those of different formats cannot be compared.
CREATE OR REPLACE FUNCTION nevent_webhooks.differ(one bytea, other bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE AS 'SELECT get_byte(one, 0) = get_byte(other, 0) AND one <> other';

-- The functions that the store calls wait for no lock for longer than `p_lock_timeout`: its holder may be
-- a handler's transaction that never ends. So each sets the limit before it names a table. A variable of a
-- table's type, or a function in plain SQL, would lock the table first. (The clean-up has a
-- `statement_timeout`.)

-- Takes the record for the token. The answer is acquired, completed, conflict, in flight and the
-- milliseconds that are left of the lease, or replay and the first id.
CREATE OR REPLACE FUNCTION nevent_webhooks.claim(
    p_scope text, p_kind text, p_id text, p_token bytea, p_lock_timeout text,
    p_fingerprint bytea, p_lease_ms bigint, p_retention_ms bigint,
    p_replay_keys bytea[], p_replay_window_ms bigint, p_asynchronous boolean
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    first_id text;
    lease_ CONSTANT interval := p_lease_ms * interval '1 ms';
    retention_ CONSTANT interval := p_retention_ms * interval '1 ms';
    held record;
    now_ timestamptz;
    key_ bytea;
    known_id text;
BEGIN
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    IF p_asynchronous THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF cardinality(p_replay_keys) > 0 THEN
        -- One claim at a time for the same signed bytes, or two could come first with two ids.
        PERFORM pg_advisory_xact_lock(
            hashtextextended(p_scope || encode(p_fingerprint, 'hex'), 0));
        -- Key by key. The plan of a single query for all keys, made while the table was small, would read
        -- every row of the scope.
        FOREACH key_ IN ARRAY p_replay_keys LOOP
            SELECT r.id INTO known_id FROM nevent_webhooks.replays r
                WHERE r.scope = p_scope AND r.replay_key = key_ AND r.expires > clock_timestamp();
            IF known_id = p_id THEN
                first_id := p_id;
                EXIT;
            END IF;
            first_id := coalesce(first_id, known_id);
        END LOOP;
        IF first_id <> p_id THEN
            RETURN 'replay ' || first_id;
        END IF;
    END IF;

    LOOP
        -- Without a lock: a handler may be committing its completion, and the answer must not wait.
        SELECT r.* INTO held FROM nevent_webhooks.records r
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind;
        now_ := clock_timestamp();
        IF NOT FOUND THEN
            INSERT INTO nevent_webhooks.records VALUES (
                now_ + lease_, now_ + lease_ + retention_, lease_, retention_, false,
                p_scope, p_kind, p_id, p_token, p_fingerprint
            ) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                answer := 'acquired';
                EXIT;
            END IF;
            CONTINUE;
        END IF;
        IF held.ends <= now_ OR (NOT held.completed AND held.token = p_token) THEN
            -- It may be taken over, unless its owner is committing its completion.
            SELECT r.* INTO held FROM nevent_webhooks.records r
                WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                answer := 'in flight 0';
                EXIT;
            END IF;
            now_ := clock_timestamp();
        END IF;
        IF held.ends > now_ AND nevent_webhooks.differ(held.fingerprint, p_fingerprint) THEN
            RETURN 'conflict';
        ELSIF held.ends > now_ AND held.completed THEN
            answer := 'completed';
            EXIT;
        ELSIF held.ends > now_ AND held.token <> p_token THEN
            IF held.ends > now_ + held.lease THEN
                -- The clock was set back. Otherwise a crashed owner's lease would last until it has
                -- caught up.
                held.ends := now_ + held.lease;
                PERFORM FROM nevent_webhooks.records r
                    WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                    FOR UPDATE SKIP LOCKED;
                IF FOUND THEN
                    UPDATE nevent_webhooks.records r SET ends = held.ends
                        WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                            AND r.token = held.token AND NOT r.completed;
                END IF;
            END IF;
            answer := 'in flight ' || ceil(extract(epoch FROM held.ends - now_) * 1000)::bigint;
            EXIT;
        END IF;
        UPDATE nevent_webhooks.records r SET
            ends = now_ + lease_, delete_after = now_ + lease_ + retention_,
            lease = lease_, retention = retention_, completed = false,
            token = p_token, fingerprint = p_fingerprint
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind;
        answer := 'acquired';
        EXIT;
    END LOOP;

    now_ := clock_timestamp();
    FOREACH key_ IN ARRAY p_replay_keys LOOP
        INSERT INTO nevent_webhooks.replays AS known
            VALUES (now_ + p_replay_window_ms * interval '1 ms', p_scope, key_, p_id)
        ON CONFLICT (scope, replay_key) DO UPDATE
            SET id = excluded.id, expires = excluded.expires
            WHERE known.expires <= now_
                OR (answer = 'acquired' AND known.id = p_id AND known.expires < excluded.expires);
    END LOOP;
    RETURN answer;
END $$;

-- Starts the lease anew. The answer is renewed or lost.
CREATE OR REPLACE FUNCTION nevent_webhooks.renew(
    p_scope text, p_kind text, p_id text, p_token bytea, p_lock_timeout text, p_lease_ms bigint
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    PERFORM FROM nevent_webhooks.records r
        WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
        FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE nevent_webhooks.records r SET ends = clock_timestamp() + p_lease_ms * interval '1 ms',
                lease = p_lease_ms * interval '1 ms'
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                AND r.token = p_token AND NOT r.completed AND r.ends > clock_timestamp();
    ELSE
        -- Locked by the handler's own completion, which is not committed yet, and then nobody else can take
        -- it; or by a claim that takes it over, because it has ended.
        PERFORM FROM nevent_webhooks.records r
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                AND r.token = p_token AND NOT r.completed AND r.ends > clock_timestamp();
    END IF;
    RETURN CASE WHEN FOUND THEN 'renewed' ELSE 'lost' END;
END $$;

-- Completes the record after the handler has ended. The answer is recorded or held by another.
CREATE OR REPLACE FUNCTION nevent_webhooks.complete(
    p_scope text, p_kind text, p_id text, p_token bytea, p_lock_timeout text,
    p_fingerprint bytea, p_retention_ms bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    retention_ CONSTANT interval := p_retention_ms * interval '1 ms';
    held record;
    now_ timestamptz;
BEGIN
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    LOOP
        SELECT r.* INTO held FROM nevent_webhooks.records r
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
            FOR UPDATE;
        now_ := clock_timestamp();
        IF NOT FOUND THEN
            INSERT INTO nevent_webhooks.records VALUES (
                now_ + retention_, now_ + retention_, interval '0', retention_, true,
                p_scope, p_kind, p_id, p_token, p_fingerprint
            ) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                RETURN 'recorded';
            END IF;
            CONTINUE;
        END IF;
        IF held.ends > now_ AND held.completed THEN
            RETURN 'recorded';
        ELSIF held.ends > now_ AND held.token <> p_token THEN
            RETURN 'held by another';
        END IF;
        UPDATE nevent_webhooks.records r SET
            ends = now_ + retention_, retention = retention_, completed = true,
            token = p_token, fingerprint = p_fingerprint
            WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind;
        RETURN 'recorded';
    END LOOP;
END $$;

-- Removes the record if it is in flight for the token.
CREATE OR REPLACE FUNCTION nevent_webhooks.release(
    p_scope text, p_kind text, p_id text, p_token bytea, p_lock_timeout text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    DELETE FROM nevent_webhooks.records r
        WHERE r.scope = p_scope AND r.kind = p_kind AND r.id = p_id
            AND r.token = p_token AND NOT r.completed;
END $$;

-- Completes the record in the handler's own transaction. Raises an error, after which the transaction
-- cannot be committed, unless the record is in flight for the token.
CREATE OR REPLACE FUNCTION nevent_webhooks.complete_in_transaction(
    p_scope text, p_kind text, p_id text, p_token bytea
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    in_savepoint boolean;
BEGIN
    UPDATE nevent_webhooks.records r SET ends = clock_timestamp() + r.retention, completed = true
        WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
            AND r.token = p_token AND NOT r.completed
        -- A row that a savepoint wrote has the savepoint's own number.
        RETURNING r.xmin <> pg_current_xact_id()::xid INTO in_savepoint;
    IF FOUND AND NOT in_savepoint THEN
        RETURN;
    ELSIF in_savepoint THEN
        RAISE EXCEPTION 'the delivery can only be completed in the outermost transaction'
            USING ERRCODE = 'NW003';
    END IF;
    PERFORM FROM nevent_webhooks.records r
        WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
            AND r.completed AND r.ends > clock_timestamp();
    IF FOUND THEN
        RAISE EXCEPTION 'the delivery is completed already' USING ERRCODE = 'NW002';
    END IF;
    RAISE EXCEPTION 'the claim of the delivery was lost' USING ERRCODE = 'NW001';
END $$;

-- Deletes a batch of expired rows. Returns how many there were, at most twice the size.
CREATE OR REPLACE FUNCTION nevent_webhooks.delete_expired(p_size integer) RETURNS bigint
LANGUAGE sql AS $$
    WITH old_records AS (
        DELETE FROM nevent_webhooks.records WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM nevent_webhooks.records
                -- Not by `clock_timestamp`, which changes from row to row, so that no index can be used.
                WHERE delete_after < statement_timestamp() AND ends < statement_timestamp()
                ORDER BY delete_after LIMIT p_size FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), old_replays AS (
        DELETE FROM nevent_webhooks.replays WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM nevent_webhooks.replays
                WHERE expires < statement_timestamp()
                ORDER BY expires LIMIT p_size FOR UPDATE SKIP LOCKED))
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM old_records) + (SELECT count(*) FROM old_replays);
$$;
