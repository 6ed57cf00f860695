// One instance of an application with durable streams, and a lease that is short enough for tests: `node instance.mjs`.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { backendFromUrl } from "../../packages/sse-bus/dist/backends/index.js";
import { internalsOf } from "../../packages/sse-bus/dist/core/bus-internals.js";
import { createBus } from "../../packages/sse-bus/dist/index.js";
import { createStreams } from "../../packages/sse-bus/dist/streams/index.js";
import { contentOf } from "./content.mjs";

const { BACKEND_URL, PORT, LEASE_MS, NOTES } = process.env;

const bus = createBus({
  backend: backendFromUrl(BACKEND_URL),
  onError: (error) => console.error(error),
});
internalsOf(bus).attachments.set("leaseMs", Number(LEASE_MS));
const streams = createStreams({ bus });

/** For the test, which reads the file. */
function note(what, id) {
  appendFileSync(NOTES, `${what} ${id} ${PORT} ${Date.now()}\n`);
}

/** Sources that wait until the test has seen all who start them. */
const gates = new Map();

/** @param pace how many times slower than its content says */
async function* generate(id, { seed, pace, signal }) {
  note("run", id);
  signal.addEventListener("abort", () => note("abort", id));
  await new Promise((resolve) => gates.set(id, resolve));
  for (const { waitMs, data } of contentOf(seed)) {
    await sleep(waitMs * pace);
    if (signal.aborted) return;
    yield data;
  }
}

const routes = {
  "/start": async (id, query) => {
    const [seed, pace] = [Number(query.get("seed")), Number(query.get("pace") ?? 1)];
    return streams.start(id, ({ signal }) => generate(id, { seed, pace, signal }));
  },
  "/go": async (id) => {
    gates.get(id)();
    return "";
  },
  "/resume": async (id) => streams.resume(id),
  "/stop": async (id) => String(await streams.stop(id)),
  "/status": async (id) => JSON.stringify(await streams.status(id)),
};

const server = createServer((request, response) => void respond(request, response));

async function respond(request, response) {
  try {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const answer = await routes[pathname](searchParams.get("id"), searchParams);
    if (answer === null) response.writeHead(204).end();
    else if (typeof answer === "string") response.end(answer);
    else await send(answer, response);
  } catch (error) {
    console.error(error.code ?? error);
    if (!response.headersSent) response.writeHead(500).end(error.code);
    else response.destroy();
  }
}

/** As frameworks do it: at the reader's pace, and a stream that fails cuts the response. */
async function send(stream, response) {
  response.writeHead(200).flushHeaders();
  const reader = stream.getReader();
  // A stream that has failed cannot be cancelled any more.
  response.once("close", () => void reader.cancel().catch(() => {}));
  let notify = () => {};
  response.on("drain", () => notify()).once("close", () => notify());
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (response.write(value)) continue;
    await new Promise((resolve) => {
      notify = resolve;
    });
  }
  response.end();
}

// As `registerSseBus` does it: the first request does not wait for the connection to the backend.
await bus.cursor();
server.listen(Number(PORT), "127.0.0.1", () => console.log("instance is listening"));

process.once("SIGTERM", () => void bus.close().then(() => process.exit()));
