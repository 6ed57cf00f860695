import type { Backend, BackendHost } from "../core/backend.ts";
import { type NatsBackendOptions, resolveNatsOptions } from "./options.ts";
import { openNatsSession, type NatsSession } from "./session.ts";
import { closedError } from "./errors.ts";

/**
 * Stores the log in a NATS JetStream stream (nats-server 2.9 or later), shared by any number of
 * instances. Needs `@nats-io/nats-core`, and a connection from `@nats-io/transport-node` or another
 * transport.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @see docs/backends/nats.md
 * @example
 * ```ts
 * import { connect } from "@nats-io/transport-node";
 * import { createBus } from "sse-bus";
 * import { natsBackend } from "sse-bus/nats";
 *
 * const connection = () =>
 *   connect({
 *     servers: "nats://127.0.0.1:4222",
 *     maxReconnectAttempts: -1,
 *     reconnectTimeWait: 250,
 *     timeout: 2_000,
 *   });
 * const bus = createBus({ backend: natsBackend({ connection }) });
 * ```
 */
export function natsBackend(options: NatsBackendOptions): Backend {
  const resolved = resolveNatsOptions(options);
  let opening: Promise<NatsSession> | undefined;
  let session: NatsSession | undefined;
  let closing: Promise<void> | undefined;

  function opened(): NatsSession {
    if (session && !closing) return session;
    throw closedError();
  }

  return {
    name: "nats",
    async open(host: BackendHost) {
      if (closing || opening) throw closedError();
      opening = openNatsSession(resolved, host);
      // After a failure, open() may be called again.
      opening.catch(() => (opening = undefined));
      session = await opening;
    },
    publish: async (message) => opened().publish(message),
    publishMany: async (messages) => opened().publishMany(messages),
    subscribe: async (topic, feed) => opened().subscribe(topic, feed),
    read: async (topic) => opened().read(topic),
    readHead: async () => opened().readHead(),
    now: () => session?.now() ?? Date.now(),
    head: () => (session ? session.head() : { seq: 0, time: 0, epoch: "0" }),
    async close() {
      closing ??= (async () => {
        const open = await opening?.catch(() => undefined);
        await open?.close();
      })();
      return closing;
    },
  };
}
