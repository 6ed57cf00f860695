/**
 * How messages get their positions.
 *
 * The order of inserts is not the order of commits, so a caller's transaction cannot know the
 * position of its message. Instead:
 *
 * 1. The transaction inserts the message without a position.
 * 2. A trigger that runs at COMMIT draws a ticket.
 * 3. After the commit, `take` gives committed messages their positions in ticket order, one caller at
 *    a time.
 *
 * So a reader always sees all positions up to the newest one, and no position appears later.
 */
export const positionsSql = (s: string): string => `
CREATE OR REPLACE FUNCTION ${s}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- The identity of the server that an epoch belongs to. It changes with a failover, a restored backup
-- or a dump loaded elsewhere. Newer positions may then be missing, so readers need a new epoch.
CREATE OR REPLACE FUNCTION ${s}.identity() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_system text := '?';
  v_timeline text := '?';
BEGIN
  BEGIN
    SELECT system_identifier INTO v_system FROM pg_control_system();
    v_timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
  EXCEPTION WHEN OTHERS THEN
    NULL;  -- some hosted servers allow neither, and have no failover that loses data
  END;
  RETURN concat_ws('/', v_system, v_timeline, '${s}.message'::regclass::oid);
END $$;

-- The newest position ever assigned, even if its row was deleted. Otherwise the position would be
-- assigned a second time, and readers past it would skip that message.
CREATE OR REPLACE FUNCTION ${s}.head(OUT seq bigint, OUT "time" bigint) LANGUAGE plpgsql STABLE
SET jit = off SET enable_seqscan = off SET enable_sort = off AS $$
BEGIN
  SELECT greatest(k.dropped, m.seq), greatest(k.dropped_time, m.time) INTO STRICT seq, "time"
    FROM ${s}.kept k LEFT JOIN LATERAL (
      SELECT n.seq, n.time FROM ${s}.message n WHERE n.seq IS NOT NULL ORDER BY n.seq DESC LIMIT 1
    ) m ON true;
END $$;

-- Starts a new epoch. Operators call it after restoring a disk snapshot, which the database cannot
-- distinguish from a crash.
CREATE OR REPLACE FUNCTION ${s}.renew() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_epoch text := left(replace(gen_random_uuid()::text, '-', ''), 12);
BEGIN
  UPDATE ${s}.state SET epoch = v_epoch, home = ${s}.identity();
  -- A dump loaded with triggers off contains messages that would never get a position.
  INSERT INTO ${s}.pending (entry)
    SELECT m.entry FROM ${s}.message m
    WHERE m.seq IS NULL AND NOT EXISTS (SELECT FROM ${s}.pending p WHERE p.entry = m.entry)
    ORDER BY m.entry;
  RETURN v_epoch;
END $$;

-- Waits for the lock to assign positions. Its holder commits within milliseconds, unless its client has
-- stopped: a paused process neither sends the rest of its request nor reads its answer, and would keep
-- all others waiting until it continues. So a session that has held the lock for half a second, and waits
-- for its client all that time, is ended. Its transaction is rolled back, and its publisher gets an error.
-- Each look costs a waiter its place in the queue. So it looks only after a wait that a queue of busy
-- publishers does not cause, and not when all the others look.
CREATE OR REPLACE FUNCTION ${s}.await_turn(p_deadline bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_key bigint := hashtextextended('${s}.positions', 0);
  v_before text;
  v_pid integer;
  v_stalled text;
  v_wait integer;
BEGIN
  LOOP
    v_wait := CASE WHEN v_stalled IS NULL THEN 1000 + (random() * 500)::integer ELSE 500 END;
    PERFORM set_config('lock_timeout', least(greatest(p_deadline - ${s}.now_ms(), 1), v_wait)::text, true);
    BEGIN
      PERFORM pg_advisory_xact_lock(v_key);
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      IF ${s}.now_ms() >= p_deadline THEN RAISE; END IF;
    END;
    PERFORM pg_stat_clear_snapshot();
    -- Other roles' sessions show no wait_event here, and may not be ended.
    SELECT a.pid, concat_ws(' ', a.pid, a.backend_start, a.xact_start) INTO v_pid, v_stalled
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND l.classid::bigint = (v_key >> 32) & 4294967295 AND l.objid::bigint = v_key & 4294967295
        AND a.wait_event_type = 'Client';
    IF v_stalled = v_before THEN
      BEGIN
        PERFORM pg_terminate_backend(v_pid);
      EXCEPTION WHEN insufficient_privilege THEN
        NULL;  -- on a server where only its operators may: keep waiting
      END;
    END IF;
    v_before := v_stalled;
  END LOOP;
END $$;

-- Takes the lock to assign positions, and holds it until the transaction ends. After the deadline
-- it fails, because the caller has already reported an error.
CREATE OR REPLACE FUNCTION ${s}.lock(p_deadline bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_state ${s}.state;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'sse-bus: this server is a read-only standby' USING ERRCODE = '25006';
  END IF;
  -- With stricter isolation, the snapshot is older than the lock and would miss the newest rows.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sse-bus: positions are given under READ COMMITTED only, and default_transaction_isolation is something else'
      USING ERRCODE = '25001', HINT = 'Give the bus a pool of its own with "options: -c default_transaction_isolation=read\\ committed".';
  END IF;
  -- It does not overtake those who wait.
  IF NOT pg_try_advisory_xact_lock(hashtextextended('${s}.positions', 0)) THEN
    PERFORM ${s}.await_turn(p_deadline);
  END IF;
  PERFORM set_config('lock_timeout', greatest(p_deadline - ${s}.now_ms(), 1)::text, true);
  IF ${s}.now_ms() > p_deadline THEN
    RAISE EXCEPTION 'sse-bus: the deadline has passed' USING ERRCODE = '57014';
  END IF;
  -- Otherwise a crash could lose an announced position, which would then be assigned a second time.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  SELECT * INTO STRICT v_state FROM ${s}.state;
  IF v_state.home <> ${s}.identity() THEN
    RETURN ${s}.renew();
  END IF;
  RETURN v_state.epoch;
END $$;

-- Gives positions to at most \`p_limit\` committed messages after ticket \`p_after\`. Requires lock().
CREATE OR REPLACE FUNCTION ${s}.take(
  p_after bigint, p_limit integer, OUT taken bigint, OUT ticket bigint, OUT seq bigint, OUT "time" bigint
) LANGUAGE plpgsql
-- These tables may grow within seconds, and plans cached for empty tables would scan them.
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  v_seq bigint;
  v_time bigint;
BEGIN
  SELECT h.seq, greatest(h.time, ${s}.now_ms()) INTO v_seq, v_time FROM ${s}.head() h;
  WITH due AS (
    DELETE FROM ${s}.pending p WHERE p.ticket IN (
      SELECT q.ticket FROM ${s}.pending q WHERE q.ticket > p_after ORDER BY q.ticket LIMIT p_limit
    ) RETURNING p.ticket, p.entry
  ), numbered AS (
    SELECT d.ticket, d.entry, v_seq + row_number() OVER (ORDER BY d.ticket) AS seq FROM due d
  ), placed AS (
    UPDATE ${s}.message m SET seq = n.seq, time = v_time FROM numbered n
    WHERE m.entry = n.entry RETURNING m.channel, m.id, m.seq
  ), known AS (
    UPDATE ${s}.id i SET seq = p.seq, time = v_time FROM placed p
    WHERE i.channel = p.channel AND i.id = p.id
  )
  SELECT count(*), max(n.ticket), coalesce(max(n.seq), v_seq), v_time
    INTO taken, ticket, seq, "time" FROM numbered n;
END $$;

-- Gives positions to pending messages. With \`p_promise\`, the caller promises to call again within
-- that time, in ms: see at_commit().
CREATE OR REPLACE FUNCTION ${s}.sequence(
  p_deadline bigint, p_after bigint, p_limit integer, p_promise bigint, OUT taken bigint, OUT ticket bigint
) LANGUAGE plpgsql AS $$
DECLARE
  v_taken record;
BEGIN
  taken := 0;
  PERFORM FROM ${s}.pending p WHERE p.ticket > p_after ORDER BY p.ticket LIMIT 1;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM ${s}.lock(p_deadline);
  SELECT * INTO v_taken FROM ${s}.take(p_after, p_limit);
  taken := v_taken.taken;
  ticket := v_taken.ticket;
  IF taken > 0 THEN PERFORM pg_notify('${s}', 'log ' || v_taken.seq); END IF;
  IF p_promise > 0 THEN PERFORM setval('${s}.awake', ${s}.now_ms() + p_promise); END IF;
END $$;

-- Starts a new epoch if the head is before \`p_seq\`, which the caller has seen in \`p_epoch\`.
CREATE OR REPLACE FUNCTION ${s}.restart(p_deadline bigint, p_epoch text, p_seq bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_epoch text := ${s}.lock(p_deadline);
BEGIN
  PERFORM FROM ${s}.head() h WHERE h.seq < p_seq;
  RETURN CASE WHEN FOUND AND v_epoch = p_epoch THEN ${s}.renew() ELSE v_epoch END;
END $$;
`;
