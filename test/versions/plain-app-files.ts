/** The smallest app with a stream, a stream that is taken over, and the numbers that tests need. */
export const plainAppFiles: Readonly<Record<string, string>> = {
  "package.json": `{ "private": true, "type": "module" }`,
  "next.config.mjs": `
    const root = process.env.APP_ROOT;
    export default {
      output: "standalone",
      outputFileTracingRoot: root,
      turbopack: { root },
      logging: { incomingRequests: { ignore: [/./] } },
    };
  `,
  "app/layout.js": `
    export default function Layout({ children }) {
      return <html lang="en"><body>{children}</body></html>;
    }
  `,
  "app/page.js": `
    export default function Page() {
      return <h1>The front door</h1>;
    }
  `,
  "lib/bus.js": `
    import { sharedBus } from "sse-bus";
    export const bus = sharedBus();
  `,
  "app/api/sse/route.js": stream(),
  "app/api/taken/route.js": stream(),
  "app/api/publish/route.js": `
    import { createPublishRoute } from "sse-bus/next";
    import { bus } from "../../../lib/bus";
    export const { GET, POST } = createPublishRoute({ bus });
  `,
  "app/api/health/route.js": `
    import { createHealthRoute } from "sse-bus/next";
    import { bus } from "../../../lib/bus";
    export const { GET } = createHealthRoute({ bus });
  `,
  "app/api/inside/route.js": `
    import { connection } from "next/server";
    import { setFlagsFromString } from "node:v8";
    import { runInNewContext } from "node:vm";

    export async function GET() {
      await connection();
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc");
      for (let round = 0; round < 4; round++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      // A response that counts as destroyed but still has its socket is one that Next.js has released.
      const open = [...globalThis.responses].filter(({ socket }) => socket && !socket.destroyed);
      return Response.json({
        released: open.filter(({ destroyed }) => destroyed).length,
        heapUsed: process.memoryUsage().heapUsed,
      });
    }
  `,
  "instrumentation.js": `
    export async function register() {
      if (process.env.NEXT_RUNTIME === "nodejs") {
        const { subscribe } = await import("node:diagnostics_channel");
        globalThis.responses = new Set();
        subscribe("http.server.request.start", ({ response }) => {
          globalThis.responses.add(response);
          response.on("close", () => globalThis.responses.delete(response));
        });
        const { bus } = await import("./lib/bus");
        const { registerSseBus } = await import("sse-bus/next");
        await registerSseBus({ takeOver: { path: "/api/taken", bus } });
      }
    }
  `,
  "server.mjs": `
    import { createServer } from "node:http";
    import next from "next";

    const app = next({ dev: false, hostname: "127.0.0.1", port: Number(process.env.PORT) });
    await app.prepare();
    const handle = app.getRequestHandler();
    createServer((request, response) => void handle(request, response)).listen(
      Number(process.env.PORT),
      "127.0.0.1",
      () => console.log("Ready in no time"),
    );
  `,
};

function stream(): string {
  return `
    import { createSseRoute } from "sse-bus/next";
    import { bus } from "../../../lib/bus";
    export const { GET, HEAD, OPTIONS } = createSseRoute({ bus });
  `;
}
