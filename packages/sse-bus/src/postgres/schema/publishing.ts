/** What publishes: in somebody's transaction, by itself, or from SQL. */
export const publishingSql = (s: string): string => `
-- Publishes as part of the transaction it is called in. \`p_origin\` names the process that will give
-- the position: at the commit it is woken, and does at once what others do a little later.
CREATE OR REPLACE FUNCTION ${s}.enqueue(
  p_channel text, p_event text, p_key text, p_data text, p_id text, p_origin text,
  OUT duplicate boolean, OUT epoch text, OUT seq bigint, OUT "time" bigint, OUT channel text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  IF p_id IS NOT NULL THEN
    -- Waits while another open transaction has published the same id: whether it is a repeat
    -- depends on how that one ends.
    INSERT INTO ${s}.id AS i (id, at, channel) VALUES (p_id, ${s}.now_ms(), p_channel)
      ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      SELECT true, st.epoch, i.seq, i.time, i.channel INTO duplicate, epoch, seq, "time", channel
        FROM ${s}.id i, ${s}.state st WHERE i.id = p_id;
      RETURN;
    END IF;
  END IF;
  INSERT INTO ${s}.message (channel, event, key, data, id)
    VALUES (p_channel, p_event, p_key, p_data, p_id);
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

-- Draws the ticket while COMMIT runs. A transaction that saw anything of another one, or waited for
-- it, commits after it and so draws after it, whichever of the two has published first.
--
-- Postgres lets transactions that notify commit one at a time, the whole server's: at some hundred
-- commits a second they would wait for each other. From there on somebody looks by itself every few
-- ms, and promises to, and as long as that promise leaves time enough to commit nobody notifies.
CREATE OR REPLACE FUNCTION ${s}.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ${s}.pending (entry) VALUES (NEW.entry);
  IF (SELECT a.last_value FROM ${s}.awake a) < ${s}.now_ms() + 20 THEN
    PERFORM pg_notify('${s}', 'commit ' || coalesce(current_setting('${s}.origin', true), ''));
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS at_commit ON ${s}.message;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON ${s}.message
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.seq IS NULL)
  EXECUTE FUNCTION ${s}.at_commit();

-- Publishes a batch by itself: stored, numbered and announced in one transaction. \`p_entries\` is
-- [{"channel", "event", "key", "data", "id"}, …].
CREATE OR REPLACE FUNCTION ${s}.append(p_deadline bigint, p_after bigint, p_entries json)
RETURNS TABLE (place bigint, epoch text, seq bigint, "time" bigint, channel text, duplicate boolean)
LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  v_epoch text;
  v_taken record;
  v_fresh text[];
BEGIN
  -- Ids come before the lock: one that an open transaction holds makes this batch wait, not everybody.
  PERFORM set_config('lock_timeout', greatest(p_deadline - ${s}.now_ms(), 1)::text, true);
  WITH fresh AS (
    INSERT INTO ${s}.id AS i (id, at)
      SELECT e.id, ${s}.now_ms() FROM json_to_recordset(p_entries) AS e(id text)
      WHERE e.id IS NOT NULL ORDER BY e.id
    ON CONFLICT DO NOTHING RETURNING i.id
  )
  SELECT coalesce(array_agg(fresh.id), '{}') INTO v_fresh FROM fresh;

  v_epoch := ${s}.lock(p_deadline);
  -- What was committed before comes before.
  SELECT * INTO v_taken FROM ${s}.take(p_after, NULL);

  RETURN QUERY
  WITH given AS (
    SELECT e.*, e.id IS NULL OR e.id = ANY (v_fresh) AS is_new FROM ROWS FROM (
      json_to_recordset(p_entries) AS (channel text, event text, key text, data text, id text)
    ) WITH ORDINALITY AS e(channel, event, key, data, id, place)
  ), new AS (
    SELECT g.*, v_taken.seq + row_number() OVER (ORDER BY g.place) AS seq FROM given g WHERE g.is_new
  ), stored AS (
    INSERT INTO ${s}.message (seq, time, channel, event, key, data, id)
      SELECT n.seq, v_taken.time, n.channel, n.event, n.key, n.data, n.id FROM new n
  ), known AS (
    UPDATE ${s}.id i SET seq = n.seq, time = v_taken.time, channel = n.channel FROM new n WHERE i.id = n.id
  ), announced AS (
    SELECT pg_notify('${s}', 'log ' || v_taken.seq + count(*)) FROM new n
  )
  SELECT g.place, v_epoch, coalesce(n.seq, i.seq), CASE WHEN g.is_new THEN v_taken.time ELSE i.time END,
      CASE WHEN g.is_new THEN g.channel ELSE i.channel END, NOT g.is_new
    FROM given g CROSS JOIN announced LEFT JOIN new n ON n.place = g.place
    LEFT JOIN ${s}.id i ON i.id = g.id
    ORDER BY g.place;
END $$;
`;
