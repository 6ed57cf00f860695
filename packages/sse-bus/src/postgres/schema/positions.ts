/**
 * Positions, and who may give them.
 *
 * The order of inserts is not the order of commits, so nothing inside a caller's transaction can
 * know its position. There it only inserts the message; a trigger that runs at COMMIT draws the
 * ticket; and after it, `take` numbers what is committed, one caller at a time. Whoever reads the
 * log therefore sees all positions up to the newest, and none is ever filled in later.
 */
export const positionsSql = (s: string): string => `
CREATE OR REPLACE FUNCTION ${s}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- What an epoch is bound to. After a failover, a restored backup or a dump loaded elsewhere it is
-- different, and positions given since may be missing: only a new epoch tells readers so.
CREATE OR REPLACE FUNCTION ${s}.identity() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_system text := '?';
  v_timeline text := '?';
BEGIN
  BEGIN
    SELECT system_identifier INTO v_system FROM pg_control_system();
    v_timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
  EXCEPTION WHEN OTHERS THEN
    NULL;  -- some hosted servers have neither, nor a failover that could lose anything
  END;
  RETURN concat_ws('/', v_system, v_timeline, '${s}.message'::regclass::oid);
END $$;

-- The newest position that was ever given, whatever rows remain: deleting the newest one must not
-- bring its position back, or readers pass over the message that gets it again.
CREATE OR REPLACE FUNCTION ${s}.head(OUT seq bigint, OUT "time" bigint) LANGUAGE plpgsql STABLE
SET jit = off SET enable_seqscan = off SET enable_sort = off AS $$
BEGIN
  SELECT greatest(k.dropped, m.seq), greatest(k.dropped_time, m.time) INTO STRICT seq, "time"
    FROM ${s}.kept k LEFT JOIN LATERAL (
      SELECT n.seq, n.time FROM ${s}.message n WHERE n.seq IS NOT NULL ORDER BY n.seq DESC LIMIT 1
    ) m ON true;
END $$;

-- Makes a new epoch. Also for operators: after restoring a snapshot of the disk, which nothing in
-- the database can tell from a crash.
CREATE OR REPLACE FUNCTION ${s}.renew() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_epoch text := left(replace(gen_random_uuid()::text, '-', ''), 12);
BEGIN
  UPDATE ${s}.state SET epoch = v_epoch, home = ${s}.identity();
  -- A dump that was loaded with triggers off has messages that nobody would ever number.
  INSERT INTO ${s}.pending (entry)
    SELECT m.entry FROM ${s}.message m
    WHERE m.seq IS NULL AND NOT EXISTS (SELECT FROM ${s}.pending p WHERE p.entry = m.entry)
    ORDER BY m.entry;
  RETURN v_epoch;
END $$;

-- Waits for the right to give positions, and holds it until the transaction ends. A step that comes
-- too late is refused: its caller was told that it has failed.
CREATE OR REPLACE FUNCTION ${s}.lock(p_deadline bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_state ${s}.state;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'sse-bus: this server is a read-only standby' USING ERRCODE = '25006';
  END IF;
  -- Under a stricter isolation the snapshot is older than the lock, and would miss the newest rows.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sse-bus: positions are given under READ COMMITTED only, and default_transaction_isolation is something else'
      USING ERRCODE = '25001', HINT = 'Give the bus a pool of its own with "options: -c default_transaction_isolation=read\\ committed".';
  END IF;
  PERFORM set_config('lock_timeout', greatest(p_deadline - ${s}.now_ms(), 1)::text, true);
  PERFORM pg_advisory_xact_lock(hashtextextended('${s}.positions', 0));
  IF ${s}.now_ms() > p_deadline THEN
    RAISE EXCEPTION 'sse-bus: the deadline has passed' USING ERRCODE = '57014';
  END IF;
  -- A position that was announced and then lost in a crash would be given a second time.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  SELECT * INTO STRICT v_state FROM ${s}.state;
  IF v_state.home <> ${s}.identity() THEN
    RETURN ${s}.renew();
  END IF;
  RETURN v_state.epoch;
END $$;

-- Numbers committed messages, up to \`p_limit\` of those after ticket \`p_after\`; under lock().
CREATE OR REPLACE FUNCTION ${s}.take(
  p_after bigint, p_limit integer, OUT taken bigint, OUT ticket bigint, OUT seq bigint, OUT "time" bigint
) LANGUAGE plpgsql
-- These tables grow from nothing within seconds, and cached plans made for empty ones would scan.
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

-- Gives positions to committed messages that wait for one. The caller may promise to be back within
-- \`p_promise\` ms: see at_commit().
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

-- Makes a new epoch when the log has gone back behind \`p_seq\`, which was seen in \`p_epoch\`.
CREATE OR REPLACE FUNCTION ${s}.restart(p_deadline bigint, p_epoch text, p_seq bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_epoch text := ${s}.lock(p_deadline);
BEGIN
  PERFORM FROM ${s}.head() h WHERE h.seq < p_seq;
  RETURN CASE WHEN FOUND AND v_epoch = p_epoch THEN ${s}.renew() ELSE v_epoch END;
END $$;
`;
