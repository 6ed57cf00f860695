/** Retention, and the horizons that record what it has dropped. */
export const retentionSql = (s: string): string => `
-- Records every deletion, by retention or by hand, so that readers get a gap. A message that a newer
-- one of the same key superseded is not a loss.
CREATE OR REPLACE FUNCTION ${s}.after_delete() RETURNS trigger LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off AS $$
DECLARE
  v_seq bigint;
  v_time bigint;
BEGIN
  INSERT INTO ${s}.channel AS c (channel, horizon, horizon_time, messages, bytes, due)
    SELECT g.channel, max(g.seq), max(g.time), 0, 0, 0 FROM gone g
    WHERE g.seq IS NOT NULL AND (g.key IS NULL OR NOT EXISTS (
      SELECT FROM ${s}.message m WHERE m.channel = g.channel AND m.key = g.key AND m.seq > g.seq
    ))
    GROUP BY g.channel ORDER BY g.channel
  ON CONFLICT (channel) DO UPDATE SET
    horizon = greatest(c.horizon, excluded.horizon),
    horizon_time = greatest(c.horizon_time, excluded.horizon_time);
  SELECT max(g.seq), max(g.time) INTO v_seq, v_time FROM gone g;
  UPDATE ${s}.kept SET dropped = v_seq, dropped_time = greatest(dropped_time, v_time)
    WHERE dropped < v_seq;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS after_delete ON ${s}.message;
CREATE TRIGGER after_delete AFTER DELETE ON ${s}.message REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION ${s}.after_delete();

-- A truncated log is a new log.
CREATE OR REPLACE FUNCTION ${s}.before_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ${s}.kept SET dropped = h.seq, dropped_time = h.time, floor = h.seq, reserved_floor = h.seq, counted = h.seq
    FROM ${s}.head() h;
  DELETE FROM ${s}.channel;
  DELETE FROM ${s}.id;
  PERFORM ${s}.renew();
  DELETE FROM ${s}.pending;
  PERFORM pg_notify('${s}', 'log 0');
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS before_truncate ON ${s}.message;
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON ${s}.message
  FOR EACH STATEMENT EXECUTE FUNCTION ${s}.before_truncate();

-- Counts new messages, and returns the channels that retention must check. Returns nothing while
-- another process is doing this, or did within the last \`p_interval\` ms.
CREATE OR REPLACE FUNCTION ${s}.survey(p_interval bigint, p_limit integer) RETURNS SETOF text
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off AS $$
DECLARE
  v_kept ${s}.kept;
  v_head bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('${s}.retention', 0)) THEN RETURN; END IF;
  SELECT * INTO STRICT v_kept FROM ${s}.kept;
  IF p_interval > 0 THEN
    -- A time in the future means that the clock has gone back since then.
    IF ${s}.now_ms() - v_kept.at BETWEEN 0 AND p_interval - 1 THEN RETURN; END IF;
    SELECT h.seq INTO v_head FROM ${s}.head() h;
    INSERT INTO ${s}.channel AS c (channel, horizon, horizon_time, messages, bytes, due)
      SELECT m.channel, CASE WHEN m.channel LIKE '~%' THEN v_kept.reserved_floor ELSE v_kept.floor END,
        0, count(*), sum(m.bytes), 0 FROM ${s}.message m
      WHERE m.seq > v_kept.counted AND m.seq <= v_head GROUP BY m.channel ORDER BY m.channel
    ON CONFLICT (channel) DO UPDATE SET
      messages = c.messages + excluded.messages, bytes = c.bytes + excluded.bytes, due = 0;
    UPDATE ${s}.kept SET counted = v_head, at = ${s}.now_ms();
  END IF;
  RETURN QUERY SELECT c.channel::text FROM ${s}.channel c
    WHERE c.due <= ${s}.now_ms() ORDER BY c.due LIMIT p_limit;
END $$;

-- Applies limits, [{"channel", "messages", "bytes", "age"}, …]; a missing value means no limit.
-- Messages younger than \`p_live\` ms are never deleted, so that a process that was disconnected for
-- less than this time finds them.
CREATE OR REPLACE FUNCTION ${s}.trim(p_limits json, p_live bigint) RETURNS bigint
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  v_now bigint := ${s}.now_ms();
  v_limit record;
  v_over text[];
  v_channels text[] := '{}';
  v_cuts bigint[] := '{}';
  v_cut bigint;
  v_deleted bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('${s}.retention', 0)) THEN RETURN 0; END IF;

  -- Only channels that exceed a limit by a tenth: checking a channel costs a scan of it.
  SELECT coalesce(array_agg(c.channel), '{}') INTO v_over
    FROM json_to_recordset(p_limits) AS l(channel text, messages bigint, bytes bigint, age bigint)
    JOIN ${s}.channel c ON c.channel = l.channel
    WHERE c.messages > l.messages * 1.1 OR c.bytes > l.bytes * 1.1 OR v_now - l.age > (
      SELECT m.time FROM ${s}.message m
      WHERE m.channel = c.channel AND m.seq IS NOT NULL ORDER BY m.seq LIMIT 1
    );

  DELETE FROM ${s}.message m
    WHERE m.channel = ANY (v_over) AND m.key IS NOT NULL AND m.time < v_now - p_live
    AND EXISTS (
      SELECT FROM ${s}.message n WHERE n.channel = m.channel AND n.key = m.key AND n.seq > m.seq
    );
  GET DIAGNOSTICS v_deleted = ROW_COUNT;

  FOR v_limit IN
    SELECT l.* FROM json_to_recordset(p_limits) AS l(channel text, messages bigint, bytes bigint, age bigint)
    WHERE l.channel = ANY (v_over)
  LOOP
    SELECT max(k.seq) INTO v_cut FROM (
      SELECT m.seq, m.time, row_number() OVER newest AS place, sum(m.bytes) OVER newest AS total
        FROM ${s}.message m
        WHERE m.channel = v_limit.channel AND m.seq IS NOT NULL AND (m.key IS NULL OR NOT EXISTS (
          SELECT FROM ${s}.message n WHERE n.channel = m.channel AND n.key = m.key AND n.seq > m.seq
        ))
        WINDOW newest AS (ORDER BY m.seq DESC)
    ) k
    WHERE k.place > v_limit.messages OR k.total > v_limit.bytes OR k.time < v_now - v_limit.age;
    IF v_cut IS NOT NULL THEN
      v_channels := v_channels || v_limit.channel;
      v_cuts := v_cuts || v_cut;
    END IF;
  END LOOP;
  DELETE FROM ${s}.message m USING unnest(v_channels, v_cuts) AS c(channel, cut)
    WHERE m.channel = c.channel AND m.seq <= c.cut AND m.time < v_now - p_live;
  GET DIAGNOSTICS v_cut = ROW_COUNT;
  v_deleted := v_deleted + v_cut;

  UPDATE ${s}.channel c SET messages = k.messages, bytes = k.bytes, due = greatest(
      least(
        coalesce(k.oldest, c.horizon_time) + l.age,
        CASE WHEN k.messages > l.messages * 1.1 OR k.bytes > l.bytes * 1.1 THEN v_now + p_live END
      ),
      v_now + 1000
    )
    FROM json_to_recordset(p_limits) AS l(channel text, messages bigint, bytes bigint, age bigint)
    CROSS JOIN LATERAL (
      SELECT count(*) AS messages, coalesce(sum(m.bytes), 0) AS bytes, min(m.time) AS oldest
        FROM ${s}.message m WHERE m.channel = l.channel AND m.seq IS NOT NULL
    ) k
    WHERE c.channel = l.channel;

  -- Delete the state of channels that have been empty for long. Their horizon moves into the floor: a
  -- reader may then get a gap without a loss, but never a loss without a gap. Reserved channels have a
  -- floor of their own, because readers of other channels must get no gap of theirs.
  WITH forgotten AS (
    DELETE FROM ${s}.channel c
      USING json_to_recordset(p_limits) AS l(channel text, age bigint)
      WHERE c.channel = l.channel AND c.messages = 0 AND c.horizon_time < v_now - l.age
      RETURNING c.channel, c.horizon
  )
  UPDATE ${s}.kept SET
    floor = greatest(floor, (SELECT max(f.horizon) FROM forgotten f WHERE f.channel NOT LIKE '~%')),
    reserved_floor = greatest(reserved_floor, (SELECT max(f.horizon) FROM forgotten f WHERE f.channel LIKE '~%'))
    WHERE EXISTS (SELECT FROM forgotten);
  RETURN v_deleted;
END $$;
`;
