/** The tables. `s` is the name of the schema, already validated. */
export const tablesSql = (s: string): string => `
-- The identity of the log. One row, rarely written and read by every publish.
CREATE TABLE IF NOT EXISTS ${s}.state (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL,
  epoch   text NOT NULL,   -- part of every position; a new epoch gives all readers a gap
  home    text NOT NULL    -- the server, timeline and table that the epoch belongs to
);

-- The log. A message gets its position when it is inserted. If a caller's transaction inserts it, it
-- gets its position shortly after the commit.
CREATE TABLE IF NOT EXISTS ${s}.message (
  entry   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  seq     bigint,          -- the position; NULL until it is assigned
  time    bigint,          -- when the position was assigned, in ms since 1970
  channel text COLLATE "C" NOT NULL CHECK (channel ~ '^[A-Za-z0-9._~:/-]{1,200}$|^~[A-Za-z0-9._~:/-]{1,219}$'),
  event   text NOT NULL CHECK (event ~ '^[^\\r\\n]{1,200}$' AND event NOT IN ('hello', 'ping', 'gap', 'bye')),
  key     text CHECK (key ~ '^[^\\r\\n]{1,200}$'),
  data    text NOT NULL CHECK (data !~ '[\\r\\n]'),  -- JSON on one line
  raw     boolean NOT NULL DEFAULT false,          -- the data is a string, sent as it is
  id      text CHECK (char_length(id) BETWEEN 1 AND 401 AND id !~ '\\r'),  -- the publisher's idempotency id
  bytes   integer GENERATED ALWAYS AS (
    320 + octet_length(data) + octet_length(channel) + octet_length(event) + coalesce(octet_length(key), 0)
  ) STORED
);
CREATE UNIQUE INDEX IF NOT EXISTS message_seq ON ${s}.message (seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_channel ON ${s}.message (channel, seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_key ON ${s}.message (channel, key, seq)
  WHERE key IS NOT NULL AND seq IS NOT NULL;

-- Committed messages that wait for a position, in the order of their commits.
CREATE TABLE IF NOT EXISTS ${s}.pending (
  ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entry  bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Until when a process has promised to check for pending messages, in ms since 1970. It is a sequence
-- because writing a sequence leaves no dead row.
CREATE SEQUENCE IF NOT EXISTS ${s}.awake AS bigint MINVALUE 0 START 0;

-- Idempotency ids, per channel. They outlive their messages. \`seq\` is NULL while the message waits
-- for its position.
CREATE TABLE IF NOT EXISTS ${s}.id (
  id      text NOT NULL,
  at      bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  seq     bigint,
  time    bigint,
  PRIMARY KEY (channel, id)
);
CREATE INDEX IF NOT EXISTS id_at ON ${s}.id (at);

-- State of retention per channel. A cursor before \`horizon\` may have missed a message.
CREATE TABLE IF NOT EXISTS ${s}.channel (
  channel      text COLLATE "C" PRIMARY KEY,
  horizon      bigint NOT NULL,       -- the newest position that was deleted and not superseded
  horizon_time bigint NOT NULL,
  messages     bigint NOT NULL,       -- approximate number, including superseded messages
  bytes        bigint NOT NULL,
  due          bigint                 -- when to check the channel again, in ms since 1970
);
CREATE INDEX IF NOT EXISTS channel_due ON ${s}.channel (due) WHERE due IS NOT NULL;

-- State of retention for the whole log. One row.
CREATE TABLE IF NOT EXISTS ${s}.kept (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  dropped      bigint NOT NULL DEFAULT 0,  -- the newest position that was ever deleted
  dropped_time bigint NOT NULL DEFAULT 0,
  floor        bigint NOT NULL DEFAULT 0,  -- the horizon of channels without a row in channel
  reserved_floor bigint NOT NULL DEFAULT 0, -- the same for reserved channels: their names begin with ~
  counted      bigint NOT NULL DEFAULT 0,  -- messages up to here are counted in channel
  at           bigint NOT NULL DEFAULT 0   -- when retention last ran
);
INSERT INTO ${s}.kept DEFAULT VALUES ON CONFLICT DO NOTHING;
`;
