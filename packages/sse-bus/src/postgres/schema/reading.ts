/** Functions that read the log. All statements of a STABLE function see the same moment. */
export const readingSql = (s: string): string => `
-- The log after \`p_after\`, for the channels in \`p_channels\` and those that match \`p_pattern\`; for
-- all channels if both are NULL. Of reserved channels (~…) only those in \`p_channels\`, or all of them
-- if it contains ~. The row with place 0 is the head: every message up to it is visible, or was deleted.
CREATE OR REPLACE FUNCTION ${s}.page(
  p_after bigint, p_ticket bigint, p_channels text[], p_pattern text, p_limit integer, p_bytes bigint
) RETURNS TABLE (place bigint, a text, b text, c text, d text, e text, f text, g text)
LANGUAGE plpgsql STABLE SET jit = off SET enable_seqscan = off SET enable_sort = off AS $$
BEGIN
  RETURN QUERY
    SELECT 0::bigint, st.epoch, h.seq::text, h.time::text, k.dropped::text, k.floor::text,
      (SELECT p.ticket FROM ${s}.pending p WHERE p.ticket > p_ticket ORDER BY p.ticket LIMIT 1)::text,
      ${s}.now_ms()::text
    FROM ${s}.state st, ${s}.kept k, ${s}.head() h;
  IF p_limit = 0 THEN RETURN; END IF;
  RETURN QUERY
    SELECT w.seq, w.time::text, w.channel::text, w.event, w.key, w.data, w.bytes::text, w.raw::text FROM (
      SELECT n.*, sum(n.bytes) OVER (ORDER BY n.seq) AS total FROM (
        SELECT m.seq, m.time, m.channel, m.event, m.key, m.data, m.bytes, m.raw FROM ${s}.message m
        WHERE m.seq > p_after
          AND (m.channel = ANY (p_channels) OR CASE WHEN m.channel LIKE '~%' THEN '~' = ANY (p_channels)
            ELSE coalesce(p_channels IS NULL AND p_pattern IS NULL, false) OR m.channel ~ p_pattern END)
        ORDER BY m.seq LIMIT p_limit
      ) n
    ) w
    WHERE w.total - w.bytes < p_bytes ORDER BY w.seq;
END $$;

-- Channels with losses after \`p_after\`, in the row format of page(). The name ~ stands for reserved
-- channels without a row of their own.
CREATE OR REPLACE FUNCTION ${s}.losses(p_after bigint)
RETURNS TABLE (place bigint, a text, b text, c text, d text, e text, f text, g text)
LANGUAGE sql STABLE AS $$
  SELECT -1::bigint, c.channel::text, c.horizon::text, NULL, NULL, NULL, NULL, NULL
    FROM ${s}.channel c WHERE c.horizon > p_after
  UNION ALL
  SELECT -1::bigint, '~', k.reserved_floor::text, NULL, NULL, NULL, NULL, NULL
    FROM ${s}.kept k WHERE k.reserved_floor > p_after
$$;

-- The history of a channel or pattern, newest first, without superseded messages. It ends with the
-- first message beyond \`p_limit\` or \`p_bytes\`. The row with place 0 is the horizon. No pattern
-- matches a reserved channel.
CREATE OR REPLACE FUNCTION ${s}.history(p_channel text, p_pattern text, p_limit bigint, p_bytes bigint)
RETURNS TABLE (place bigint, a text, b text, c text, d text, e text, f text, g text)
LANGUAGE plpgsql STABLE
SET jit = off SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  RETURN QUERY
    SELECT 0::bigint, st.epoch, ${s}.now_ms()::text, CASE
        WHEN p_pattern IS NULL THEN
          coalesce((SELECT ch.horizon FROM ${s}.channel ch WHERE ch.channel = p_channel),
            CASE WHEN p_channel LIKE '~%' THEN k.reserved_floor ELSE k.floor END)
        ELSE greatest(k.floor, (SELECT max(ch.horizon) FROM ${s}.channel ch
          WHERE ch.channel ~ p_pattern AND ch.channel NOT LIKE '~%'))
      END::text, NULL::text, NULL::text, NULL::text, NULL::text
    FROM ${s}.state st, ${s}.kept k;
  IF p_pattern IS NULL THEN
    RETURN QUERY
      SELECT w.seq, w.time::text, w.channel::text, w.event, w.key, w.data, w.bytes::text, w.raw::text FROM (
        SELECT m.*, sum(m.bytes) OVER (ORDER BY m.seq DESC) AS total FROM ${s}.message m
        WHERE m.channel = p_channel AND m.seq IS NOT NULL AND (m.key IS NULL OR NOT EXISTS (
          SELECT FROM ${s}.message n WHERE n.channel = m.channel AND n.key = m.key AND n.seq > m.seq
        ))
        ORDER BY m.seq DESC LIMIT p_limit
      ) w
      WHERE p_bytes IS NULL OR w.total - w.bytes <= p_bytes ORDER BY w.seq DESC;
  ELSE
    RETURN QUERY
      SELECT w.seq, w.time::text, w.channel::text, w.event, w.key, w.data, w.bytes::text, w.raw::text FROM (
        SELECT m.*, sum(m.bytes) OVER (ORDER BY m.seq DESC) AS total FROM ${s}.message m
        WHERE m.channel ~ p_pattern AND m.channel NOT LIKE '~%' AND m.seq IS NOT NULL AND (m.key IS NULL OR NOT EXISTS (
          SELECT FROM ${s}.message n WHERE n.channel = m.channel AND n.key = m.key AND n.seq > m.seq
        ))
        ORDER BY m.seq DESC LIMIT p_limit
      ) w
      WHERE p_bytes IS NULL OR w.total - w.bytes <= p_bytes ORDER BY w.seq DESC;
  END IF;
END $$;
`;
