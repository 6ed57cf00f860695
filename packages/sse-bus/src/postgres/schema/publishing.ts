/** Functions that publish: in a caller's transaction, in batches, or from SQL. */
export const publishingSql = (s: string): string => `
-- Publishes as part of the caller's transaction. \`p_origin\` identifies the process that assigns the
-- position: the commit notifies it, and it does so immediately, before other processes would.
CREATE OR REPLACE FUNCTION ${s}.enqueue(
  p_channel text, p_event text, p_key text, p_data text, p_id text, p_origin text,
  p_raw boolean DEFAULT false,
  OUT duplicate boolean, OUT epoch text, OUT seq bigint, OUT "time" bigint, OUT channel text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  IF p_channel LIKE '~%' THEN
    RAISE EXCEPTION 'sse-bus: channel "%" is reserved: names that begin with ~ belong to the bus', left(p_channel, 80)
      USING ERRCODE = '23514', HINT = 'Use another name.';
  END IF;
  -- EventSource uses these names for its connection. The package refuses them itself, so this is for calls
  -- from SQL, which have no origin. The table allows them: an older version may still publish them.
  IF p_origin = '' AND p_event IN ('error', 'open') THEN
    RAISE EXCEPTION 'The event must not be "%": EventSource dispatches an event of this name for its connection. Choose another name.', p_event
      USING ERRCODE = 'check_violation';
  END IF;
  WHILE p_id IS NOT NULL LOOP
    -- Waits while another open transaction has published the same id: this is a repeat only if that
    -- transaction commits.
    INSERT INTO ${s}.id AS i (channel, id, at) VALUES (p_channel, p_id, ${s}.now_ms())
      ON CONFLICT DO NOTHING;
    EXIT WHEN FOUND;
    SELECT true, st.epoch, i.seq, i.time, i.channel INTO duplicate, epoch, seq, "time", channel
      FROM ${s}.id i, ${s}.state st WHERE i.channel = p_channel AND i.id = p_id;
    IF FOUND THEN RETURN; END IF;
    -- Retention deleted the id in between, so it is new: insert it again.
  END LOOP;
  INSERT INTO ${s}.message (channel, event, key, data, id, raw)
    VALUES (p_channel, p_event, p_key, p_data, p_id, p_raw);
  PERFORM set_config('${s}.origin', p_origin, true);
  duplicate := false;
  channel := p_channel;
END $$;

-- Publishes from any language, and from triggers. The message is announced if the transaction commits:
--   SELECT ${s}.publish('orders/42', '{"status": "paid"}');
CREATE OR REPLACE FUNCTION ${s}.publish(
  channel text, data jsonb, event text DEFAULT 'message', key text DEFAULT NULL, id text DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
  SELECT ${s}.enqueue($1, $3, $4, $2::text, $5, '')
$$;

-- Publishes text, such as HTML, that is sent unchanged, except that line breaks become LF:
--   SELECT ${s}.publish_raw('orders', '<li>Tea</li>');
CREATE OR REPLACE FUNCTION ${s}.publish_raw(
  channel text, data text, event text DEFAULT 'message', key text DEFAULT NULL, id text DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
  SELECT ${s}.enqueue(
    $1, $3, $4, to_json(regexp_replace($2, E'\\r\\n?', E'\\n', 'g'))::text, $5, '', true
  )
$$;

-- Draws the ticket during COMMIT. A transaction that saw changes of another one, or waited for it,
-- commits after it, and so draws a later ticket, whichever of the two published first.
--
-- Postgres commits transactions that notify one at a time, for the whole server. At hundreds of
-- commits per second they would wait for each other. At this rate, a process checks every few ms and
-- promises to continue. While the promise is long enough, no commit notifies.
CREATE OR REPLACE FUNCTION ${s}.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ${s}.pending (entry) VALUES (NEW.entry);
  -- Promises are short: a distant one means that the clock has gone back since then.
  IF (SELECT a.last_value FROM ${s}.awake a) - ${s}.now_ms() NOT BETWEEN 20 AND 10000 THEN
    PERFORM pg_notify('${s}', 'commit ' || coalesce(current_setting('${s}.origin', true), ''));
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS at_commit ON ${s}.message;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON ${s}.message
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.seq IS NULL)
  EXECUTE FUNCTION ${s}.at_commit();

-- Claims the idempotency ids of a batch, per channel. \`fresh\` lists the places of new ids. An open
-- transaction may lock an id for any time, and Postgres cannot skip an uncommitted row. Claiming does
-- not wait for it: \`held\` lists the places of locked ids, and the caller retries them.
CREATE OR REPLACE FUNCTION ${s}.claim(p_entries json, OUT fresh bigint[], OUT held bigint[])
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  v_entry record;
  v_fresh bigint[] := '{}';
  v_held bigint[] := '{}';
BEGIN
  -- Long enough for another process to commit its batch, short enough for those who wait behind.
  PERFORM set_config('lock_timeout', '5ms', true);
  BEGIN
    WITH given AS (
      SELECT e.* FROM ROWS FROM (json_to_recordset(p_entries) AS (channel text, id text))
        WITH ORDINALITY AS e(channel, id, place) WHERE e.id IS NOT NULL
    ), new AS (
      INSERT INTO ${s}.id (channel, id, at)
        SELECT g.channel, g.id, ${s}.now_ms() FROM given g ORDER BY g.channel COLLATE "C", g.id
      ON CONFLICT DO NOTHING RETURNING channel, id
    )
    SELECT coalesce(array_agg(g.place), '{}') INTO v_fresh
      FROM new n JOIN given g ON g.channel = n.channel AND g.id = n.id;
    fresh := v_fresh;
    held := v_held;
    RETURN;
  EXCEPTION WHEN lock_not_available THEN
    NULL;  -- at least one id is locked
  END;
  PERFORM set_config('lock_timeout', '1ms', true);
  FOR v_entry IN
    SELECT e.* FROM ROWS FROM (json_to_recordset(p_entries) AS (channel text, id text))
      WITH ORDINALITY AS e(channel, id, place) WHERE e.id IS NOT NULL
      ORDER BY e.channel COLLATE "C", e.id
  LOOP
    BEGIN
      -- After many locked ids, do not check the rest: other processes wait.
      IF cardinality(v_held) >= 20 THEN RAISE lock_not_available; END IF;
      INSERT INTO ${s}.id (channel, id, at) VALUES (v_entry.channel, v_entry.id, ${s}.now_ms())
        ON CONFLICT DO NOTHING;
      IF FOUND THEN v_fresh := v_fresh || v_entry.place; END IF;
    EXCEPTION WHEN lock_not_available THEN
      v_held := v_held || v_entry.place;
    END;
  END LOOP;
  fresh := v_fresh;
  held := v_held;
END $$;

-- Publishes a batch: stores it, assigns positions and announces it in one transaction. \`p_entries\` is
-- [{"channel", "event", "key", "data", "id", "raw"}, …], with each id at most once per channel. A result
-- without a \`seq\` was not stored: an open transaction has locked its id, or the first message with
-- this id has no position yet.
CREATE OR REPLACE FUNCTION ${s}.store(p_deadline bigint, p_after bigint, p_entries json)
RETURNS TABLE (place bigint, epoch text, seq bigint, "time" bigint, channel text, duplicate boolean)
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  v_epoch text;
  v_taken record;
  v_fresh bigint[] := '{}';
  v_held bigint[] := '{}';
BEGIN
  -- Before taking the lock, because claiming may take time.
  IF EXISTS (SELECT FROM json_to_recordset(p_entries) AS e(id text) WHERE e.id IS NOT NULL) THEN
    SELECT c.fresh, c.held INTO v_fresh, v_held FROM ${s}.claim(p_entries) c;
  END IF;
  IF cardinality(v_held) = json_array_length(p_entries) THEN
    RETURN QUERY SELECT h, NULL::text, NULL::bigint, NULL::bigint, NULL::text, NULL::boolean
      FROM unnest(v_held) h;
    RETURN;
  END IF;

  v_epoch := ${s}.lock(p_deadline);
  -- Messages committed before this batch get earlier positions.
  SELECT * INTO v_taken FROM ${s}.take(p_after, NULL);

  RETURN QUERY
  WITH given AS (
    SELECT e.*, e.id IS NULL OR e.place = ANY (v_fresh) AS is_new, e.place = ANY (v_held) AS is_held
      FROM ROWS FROM (
        json_to_recordset(p_entries) AS (channel text, event text, key text, data text, id text, raw boolean)
      ) WITH ORDINALITY AS e(channel, event, key, data, id, raw, place)
  ), new AS (
    SELECT g.*, v_taken.seq + row_number() OVER (ORDER BY g.place) AS seq FROM given g WHERE g.is_new
  ), stored AS (
    INSERT INTO ${s}.message (seq, time, channel, event, key, data, id, raw)
      SELECT n.seq, v_taken.time, n.channel, n.event, n.key, n.data, n.id, coalesce(n.raw, false)
      FROM new n
  ), known AS (
    UPDATE ${s}.id i SET seq = n.seq, time = v_taken.time FROM new n
      WHERE i.channel = n.channel AND i.id = n.id
  ), announced AS (
    SELECT pg_notify('${s}', 'log ' || v_taken.seq + count(*)) FROM new n
  )
  SELECT g.place, v_epoch, coalesce(n.seq, i.seq), CASE WHEN g.is_new THEN v_taken.time ELSE i.time END,
      g.channel, CASE WHEN NOT g.is_held THEN NOT g.is_new END
    FROM given g CROSS JOIN announced LEFT JOIN new n ON n.place = g.place
    LEFT JOIN ${s}.id i ON i.channel = g.channel AND i.id = g.id AND NOT g.is_held
    ORDER BY g.place;
END $$;

-- store() of a batch of which all messages are stored or none: it fails if one of them has no position.
-- Instances of schema version 1, which run until a deploy replaces them, use it for every publish.
CREATE OR REPLACE FUNCTION ${s}.append(p_deadline bigint, p_after bigint, p_entries json)
RETURNS TABLE (place bigint, epoch text, seq bigint, "time" bigint, channel text, duplicate boolean)
LANGUAGE plpgsql AS $$
BEGIN
  FOR place, epoch, seq, "time", channel, duplicate IN
    SELECT * FROM ${s}.store(p_deadline, p_after, p_entries)
  LOOP
    IF seq IS NULL THEN
      RAISE EXCEPTION 'sse-bus: an open transaction has published the same id'
        USING ERRCODE = '55P03', HINT = 'Publish again with this id.';
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
`;
