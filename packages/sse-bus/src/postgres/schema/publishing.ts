/** What publishes: in somebody's transaction, by itself, or from SQL. */
export const publishingSql = (s: string): string => `
-- Publishes as part of the transaction it is called in. \`p_origin\` names the process that will give
-- the position: at the commit it is woken, and does at once what others do a little later.
CREATE OR REPLACE FUNCTION ${s}.enqueue(
  p_channel text, p_event text, p_key text, p_data text, p_id text, p_origin text,
  p_raw boolean DEFAULT false,
  OUT duplicate boolean, OUT epoch text, OUT seq bigint, OUT "time" bigint, OUT channel text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  WHILE p_id IS NOT NULL LOOP
    -- Waits while another open transaction has published the same id: whether it is a repeat
    -- depends on how that one ends.
    INSERT INTO ${s}.id AS i (channel, id, at) VALUES (p_channel, p_id, ${s}.now_ms())
      ON CONFLICT DO NOTHING;
    EXIT WHEN FOUND;
    SELECT true, st.epoch, i.seq, i.time, i.channel INTO duplicate, epoch, seq, "time", channel
      FROM ${s}.id i, ${s}.state st WHERE i.channel = p_channel AND i.id = p_id;
    IF FOUND THEN RETURN; END IF;
    -- It was forgotten in between: then it is new.
  END LOOP;
  INSERT INTO ${s}.message (channel, event, key, data, id, raw)
    VALUES (p_channel, p_event, p_key, p_data, p_id, p_raw);
  PERFORM set_config('${s}.origin', p_origin, true);
  duplicate := false;
  channel := p_channel;
END $$;

-- The same for every language, and for triggers. Announced when, and only when, it is committed:
--   SELECT ${s}.publish('orders/42', '{"status": "paid"}');
CREATE OR REPLACE FUNCTION ${s}.publish(
  channel text, data jsonb, event text DEFAULT 'message', key text DEFAULT NULL, id text DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
  SELECT ${s}.enqueue($1, $3, $4, $2::text, $5, '')
$$;

-- Publishes text, such as HTML, that is sent as it is. An event stream has no CR, so line breaks are LF:
--   SELECT ${s}.publish_raw('orders', '<li>Tea</li>');
CREATE OR REPLACE FUNCTION ${s}.publish_raw(
  channel text, data text, event text DEFAULT 'message', key text DEFAULT NULL, id text DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
  SELECT ${s}.enqueue(
    $1, $3, $4, to_json(regexp_replace($2, E'\\r\\n?', E'\\n', 'g'))::text, $5, '', true
  )
$$;

-- Draws the ticket while COMMIT runs. A transaction that saw anything of another one, or waited for
-- it, commits after it and so draws after it, whichever of the two has published first.
--
-- Postgres lets transactions that notify commit one at a time, the whole server's: at some hundred
-- commits a second they would wait for each other. From there on somebody looks by itself every few
-- ms, and promises to, and as long as that promise leaves time enough to commit nobody notifies.
CREATE OR REPLACE FUNCTION ${s}.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ${s}.pending (entry) VALUES (NEW.entry);
  -- A promise is short: one that reaches far ahead is of a clock that has stepped back since.
  IF (SELECT a.last_value FROM ${s}.awake a) - ${s}.now_ms() NOT BETWEEN 20 AND 10000 THEN
    PERFORM pg_notify('${s}', 'commit ' || coalesce(current_setting('${s}.origin', true), ''));
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS at_commit ON ${s}.message;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON ${s}.message
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.seq IS NULL)
  EXECUTE FUNCTION ${s}.at_commit();

-- Claims the idempotency ids of a batch, each on its channel: \`fresh\` are the places of those that
-- were new. An open transaction may hold one for as long as it likes, and Postgres cannot skip a row
-- that is not committed; so nobody waits for it here: its place is \`held\`, and the caller asks again.
CREATE OR REPLACE FUNCTION ${s}.claim(p_entries json, OUT fresh bigint[], OUT held bigint[])
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  v_entry record;
  v_fresh bigint[] := '{}';
  v_held bigint[] := '{}';
BEGIN
  -- Long enough for a batch of another process to commit, short for those who wait behind.
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
    NULL;  -- one of them is held
  END;
  PERFORM set_config('lock_timeout', '1ms', true);
  FOR v_entry IN
    SELECT e.* FROM ROWS FROM (json_to_recordset(p_entries) AS (channel text, id text))
      WITH ORDINALITY AS e(channel, id, place) WHERE e.id IS NOT NULL
      ORDER BY e.channel COLLATE "C", e.id
  LOOP
    BEGIN
      -- With many of them, the rest is not worth a look while others wait.
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

-- Publishes a batch by itself: stored, numbered and announced in one transaction. \`p_entries\` is
-- [{"channel", "event", "key", "data", "id", "raw"}, …], no id of a channel twice. An entry without a \`seq\`
-- was not stored: its id is held by an open transaction, or is of a message that has no position yet.
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
  -- Before the lock, which is for those who are ready.
  IF EXISTS (SELECT FROM json_to_recordset(p_entries) AS e(id text) WHERE e.id IS NOT NULL) THEN
    SELECT c.fresh, c.held INTO v_fresh, v_held FROM ${s}.claim(p_entries) c;
  END IF;
  IF cardinality(v_held) = json_array_length(p_entries) THEN
    RETURN QUERY SELECT h, NULL::text, NULL::bigint, NULL::bigint, NULL::text, NULL::boolean
      FROM unnest(v_held) h;
    RETURN;
  END IF;

  v_epoch := ${s}.lock(p_deadline);
  -- What was committed before comes before.
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

-- store(), for instances of schema version 1: they go on while a deploy replaces them, and would
-- take a message without a position for stored.
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
