import { Pool } from "pg";
import { sharedBus } from "sse-bus";
import { postgresBackend } from "sse-bus/postgres";

const pool = new Pool({ connectionString: process.env.DATABASE_URL });

export const bus = sharedBus({ name: "orders", backend: postgresBackend({ pool }) });

export interface Order {
  readonly id: number;
  readonly status: string;
}

export async function listOrders(): Promise<Order[]> {
  const { rows } = await pool.query<Order>("SELECT id, status FROM orders ORDER BY id");
  return rows;
}

export async function setStatus({ id, status }: Order): Promise<void> {
  const tx = await pool.connect();
  try {
    await tx.query("BEGIN");
    await tx.query("UPDATE orders SET status = $2 WHERE id = $1", [id, status]);
    await bus.publish({ id }, { channel: "orders", tx });
    await tx.query("COMMIT");
  } catch (error) {
    await tx.query("ROLLBACK");
    throw error;
  } finally {
    tx.release();
  }
}
