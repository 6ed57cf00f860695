import type { Backend, BackendHost } from "../core/backend.ts";
import { type NatsBackendOptions, readNatsOptions } from "./nats-options.ts";
import { openSession, type Session } from "./session.ts";
import { closedError } from "./unavailable.ts";

/**
 * A bus on NATS JetStream (nats-server 2.9 or newer): one stream is its log, for all instances.
 * Needs `@nats-io/nats-core`, and a connection from `@nats-io/transport-node` or another transport.
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
  const settings = readNatsOptions(options);
  let opening: Promise<Session> | undefined;
  let session: Session | undefined;
  let closing: Promise<void> | undefined;

  function opened(): Session {
    if (session && !closing) return session;
    throw closedError();
  }

  return {
    name: "nats",
    async open(host: BackendHost) {
      if (closing || opening) throw closedError();
      opening = openSession(settings, host);
      // One that failed may be tried again.
      opening.catch(() => (opening = undefined));
      session = await opening;
    },
    publish: async (entry) => opened().publish(entry),
    subscribe: async (topic, feed) => opened().subscribe(topic, feed),
    read: async (topic) => opened().read(topic),
    readHead: async () => opened().cursor(),
    now: () => session?.now() ?? Date.now(),
    head: () => (session ? session.reached() : { seq: 0, time: 0, epoch: "0" }),
    async close() {
      closing ??= (async () => {
        const open = await opening?.catch(() => undefined);
        await open?.close();
      })();
      return closing;
    },
  };
}
