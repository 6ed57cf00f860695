import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import { freePort } from "./ports.ts";

/** A relay to a server on 127.0.0.1, which can fail as networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections open through it. */
  readonly connections: number;
  /** Resets every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Resets every connection once; new ones are accepted. */
  reset(): void;
  /** Silently lets no byte pass in either direction, like a dead machine. */
  hang(): void;
  /** Forwards what is sent to the server, and holds its responses back. */
  deafen(): void;
  /** Sends new connections to another port, as a name or a proxy does after a failover. */
  retarget(port: number): void;
  /** Ends `cut`, `hang` or `deafen`; what was held back is forwarded. */
  mend(): Promise<void>;
}

/** Starts a relay to `targetPort`. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const port = await freePort();
  let target = targetPort;
  const pairs = new Set<readonly [Socket, Socket]>();
  let isHanging = false;

  const server = createServer((inner) => {
    const outer = connect(target, "127.0.0.1");
    const pair = [inner, outer] as const;
    pairs.add(pair);
    for (const socket of pair) {
      const other = socket === inner ? outer : inner;
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("data", (bytes) => other.write(bytes));
      socket.on("end", () => other.end());
      socket.once("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
      if (isHanging) socket.pause();
    }
  });

  const listen = async (): Promise<void> => {
    if (server.listening) return;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };

  const proxy: TcpProxy = {
    port,
    get connections() {
      return pairs.size;
    },
    async cut() {
      if (server.listening) server.close();
      proxy.reset();
    },
    reset() {
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
      pairs.clear();
    },
    hang() {
      isHanging = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    deafen() {
      for (const [, outer] of pairs) outer.pause();
    },
    retarget(next) {
      target = next;
    },
    async mend() {
      isHanging = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
      await listen();
    },
    async [Symbol.asyncDispose]() {
      await proxy.cut();
    },
  };
  await listen();
  return proxy;
}
