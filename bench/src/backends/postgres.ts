import { Client, Pool } from "pg";
import { postgresBackend } from "sse-bus/postgres";
import { type BackendServer, connectBuses, uniqueName } from "./server.ts";

/** Bare: an `INSERT` of one row through a pool, and a notification for the other instance. */
export function postgresServer(url: string): BackendServer {
  return {
    async ours() {
      const schema = uniqueName();
      const pools: Pool[] = [];
      return connectBuses(
        () => {
          const pool = new Pool({ connectionString: url });
          pools.push(pool);
          return postgresBackend({ pool, schema });
        },
        async () => {
          await pools[0]?.query(`DROP SCHEMA ${schema} CASCADE`);
          await Promise.all(pools.map(async (pool) => pool.end()));
        },
      );
    },
    async bare() {
      const table = uniqueName();
      const pool = new Pool({ connectionString: url });
      const client = new Client({ connectionString: url });
      await client.connect();
      await pool.query(
        `CREATE TABLE ${table} (seq bigserial PRIMARY KEY, channel text NOT NULL, data text NOT NULL)`,
      );
      let insert = `INSERT INTO ${table} (channel, data) VALUES ($1, $2) RETURNING seq`;
      return {
        publish: async (data) => pool.query(insert, ["bench", JSON.stringify(data)]),
        async onMessage(listener) {
          insert = `WITH row AS (${insert}) SELECT pg_notify('${table}', seq::text) FROM row`;
          await client.query(`LISTEN ${table}`);
          client.on("notification", listener);
        },
        async close() {
          await pool.query(`DROP TABLE ${table}`);
          await Promise.all([pool.end(), client.end()]);
        },
      };
    },
  };
}
