import type { SseClient, SseConnection } from "../client/client-types.ts";
import type { SseStatus } from "../client/status.ts";
import { inTime } from "./in-time.ts";

/** Settings of {@link waitForStatus}. */
export interface WaitForStatusOptions {
  /** In ms of real time, whatever fake timers say. @default 5_000 */
  readonly timeoutMs?: number;
}

/**
 * Resolves as soon as the client's connection has this status, at once if it has it now.
 *
 * @throws Error when it does not come in time, or cannot any more because the client is closed
 *
 * @example
 * ```ts
 * await using server = createTestBus();
 * using client = createSseClient({ url: server.url, fetch: server.fetch });
 * client.subscribe("orders/42", (order) => console.log(order));
 * await waitForStatus(client, "open");
 * ```
 */
export async function waitForStatus(
  client: Pick<SseClient, "getStatus" | "subscribeStatus">,
  wanted: SseStatus,
  { timeoutMs = 5_000 }: WaitForStatusOptions = {},
): Promise<SseConnection> {
  let end = (): void => {};
  const reached = new Promise<SseConnection>((resolve, reject) => {
    const look = (): void => {
      const connection = client.getStatus();
      if (connection.status === wanted) resolve(connection);
      else if (connection.status === "closed") reject(new Error(describe(client, wanted)));
    };
    end = client.subscribeStatus(look);
    look();
  });
  try {
    return await inTime(
      reached,
      timeoutMs,
      () => `${describe(client, wanted)} after ${timeoutMs} ms`,
    );
  } finally {
    end();
  }
}

function describe({ getStatus }: Pick<SseClient, "getStatus">, wanted: SseStatus): string {
  const { status, error } = getStatus();
  const why = error ? ` (${error.code}: ${error.message})` : "";
  return `Waited for "${wanted}"; the client is "${status}"${why}`;
}
