import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";

// Below every system's range for outgoing connections (Linux 32768, macOS and the IANA 49152): a
// port that the kernel assigns by itself may be taken by one of the thousands of client
// connections that these tests open, between finding it and a server's binding it.
const lowest = 15_000;
const highest = 32_000;
const attempts = 200;

const given = new Set<number>();

/** Finds a port on 127.0.0.1 that nobody listens on and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`No free port between ${lowest} and ${highest} in ${attempts} attempts`);
}

/** Whether something accepts connections on 127.0.0.1:`port`. */
export async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const answer = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
    socket.once("timeout", () => answer(false));
  });
}

async function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
