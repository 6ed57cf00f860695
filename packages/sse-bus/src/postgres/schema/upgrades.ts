/** Changes to a schema of an older version. Does nothing for a new schema. */
export const upgradesSql = (s: string): string => `
-- From version 1: an idempotency id belongs to its channel, and may contain its publisher. Remembered
-- ids are kept. Instances of the older version continue to work: they call the functions below.
ALTER TABLE ${s}.message ADD COLUMN IF NOT EXISTS raw boolean NOT NULL DEFAULT false;
-- From version 2: reserved channels, whose names begin with ~ and may be longer.
ALTER TABLE ${s}.kept ADD COLUMN IF NOT EXISTS reserved_floor bigint NOT NULL DEFAULT 0;
DO $$ BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_constraint c WHERE c.conrelid = '${s}.message'::regclass
      AND c.conname = 'message_channel_check' AND pg_get_constraintdef(c.oid) LIKE '%{1,219}%'
  ) THEN
    ALTER TABLE ${s}.message DROP CONSTRAINT IF EXISTS message_channel_check,
      ADD CONSTRAINT message_channel_check
        CHECK (channel ~ '^[A-Za-z0-9._~:/-]{1,200}$|^~[A-Za-z0-9._~:/-]{1,219}$') NOT VALID;
  END IF;
END $$;
-- CREATE OR REPLACE cannot change parameters or columns. The new functions accept the old calls.
DROP FUNCTION IF EXISTS ${s}.enqueue(text, text, text, text, text, text);
DROP FUNCTION IF EXISTS ${s}.history(text, text, bigint, bigint);
DO $$
DECLARE
  v_key text;
BEGIN
  SELECT c.conname INTO v_key FROM pg_constraint c
    WHERE c.conrelid = '${s}.id'::regclass AND c.contype = 'p' AND cardinality(c.conkey) = 1;
  IF FOUND THEN
    DELETE FROM ${s}.id WHERE channel IS NULL;
    EXECUTE format('ALTER TABLE ${s}.id DROP CONSTRAINT %I', v_key);
    ALTER TABLE ${s}.id ALTER COLUMN channel TYPE text COLLATE "C", ADD PRIMARY KEY (channel, id);
    ALTER TABLE ${s}.message DROP CONSTRAINT IF EXISTS message_id_check,
      ADD CONSTRAINT message_id_check CHECK (char_length(id) BETWEEN 1 AND 401 AND id !~ '\\r') NOT VALID;
  END IF;
END $$;
`;
