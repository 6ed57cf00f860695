import type { Backend, NewMessage, NotStored, Outcome, Pending, Stored } from "./backend.ts";

/** Publishes a batch; see {@link Backend.publishMany}. */
export async function storeMany(
  backend: Backend,
  messages: readonly NewMessage[],
): Promise<readonly Outcome[]> {
  if (backend.publishMany) return backend.publishMany(messages);
  const outcomes: Outcome[] = [];
  for (const message of messages) {
    try {
      outcomes.push(await backend.publish(message));
    } catch (error) {
      // The messages after it must not be stored without it, or they would be out of order.
      const notStored: NotStored = { error: error as Error };
      return messages.map((_, index) => outcomes[index] ?? notStored);
    }
  }
  return outcomes;
}

/** A backend that lives in a database. */
export type TransactionalBackend = Backend & Required<Pick<Backend, "publishIn">>;

export function isTransactional(backend: Backend): backend is TransactionalBackend {
  return backend.publishIn !== undefined;
}

/** Publishes a batch in a transaction; see {@link Backend.publishManyIn}. */
export async function storeManyIn(
  backend: TransactionalBackend,
  tx: unknown,
  messages: readonly NewMessage[],
): Promise<readonly (Stored | Pending)[]> {
  if (backend.publishManyIn) return backend.publishManyIn(tx, messages);
  const stored: (Stored | Pending)[] = [];
  for (const message of messages) stored.push(await backend.publishIn(tx, message));
  return stored;
}
