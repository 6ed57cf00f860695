import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** What a Service of Kubernetes does: each new connection goes to one of the pods in turn, and open ones stay. */
export interface Service extends AsyncDisposable {
  readonly url: string;
  /** The ports that get new connections from now on. */
  setPods(ports: readonly number[]): void;
}

export async function startService(): Promise<Service> {
  let pods: readonly number[] = [];
  let turn = 0;
  const server = createServer((client) => {
    const port = pods[turn++ % pods.length];
    if (port === undefined) {
      client.resetAndDestroy();
      return;
    }
    const pod = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, pod],
      [pod, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setPods(ports) {
      pods = ports;
    },
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
