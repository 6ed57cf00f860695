import { appendFile } from "node:fs/promises";

/**
 * Adds a row to a table that `scripts/test-tables.mjs` prints; does nothing in other runs. The keys of the row are the
 * table's columns.
 */
export async function addTo(table: string, row: Readonly<Record<string, string>>): Promise<void> {
  const file = process.env["TEST_TABLES"];
  if (file !== undefined) await appendFile(file, `${JSON.stringify({ table, row })}\n`);
}
