import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { natsBackend } from "sse-bus/nats";
import { type BackendServer, connectBuses, uniqueName } from "./server.ts";

/** Bare: a publish to a JetStream stream, and a plain subscription to its subject. */
export function natsServer(url: string): BackendServer {
  return {
    async ours() {
      const stream = uniqueName();
      return connectBuses(
        () =>
          natsBackend({
            connection: async () => connect({ servers: url, noAsyncTraces: true }),
            stream,
          }),
        async () => deleteStream(url, stream),
      );
    },
    async bare() {
      const stream = uniqueName();
      const connection = await connect({ servers: url, noAsyncTraces: true });
      const other = await connect({ servers: url, noAsyncTraces: true });
      const manager = await jetstreamManager(connection);
      const limits = { max_msgs_per_subject: 1001 };
      await manager.streams.add({ name: stream, subjects: [`${stream}.>`], ...limits });
      const client = jetstream(connection);
      return {
        publish: async (data) => client.publish(`${stream}.a`, JSON.stringify(data)),
        async onMessage(listener) {
          other.subscribe(`${stream}.a`, { callback: listener });
          await other.flush();
        },
        async close() {
          await manager.streams.delete(stream);
          await Promise.all([connection.close(), other.close()]);
        },
      };
    },
  };
}

async function deleteStream(url: string, stream: string): Promise<void> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  await (await jetstreamManager(connection)).streams.delete(stream);
  await connection.close();
}
