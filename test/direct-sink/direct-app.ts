import { buildVariant, type ExampleVariant } from "../support/example-variant.ts";
import { type NextServer, startNode } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";

/** The example app with more routes, a proxy.ts, and the servers of people who bring their own. */
export function buildDirectApp(): Promise<ExampleVariant> {
  return buildVariant({
    config: { output: "standalone" },
    files: {
      "app/api/brief/route.ts": route("{ bus, heartbeatMs: 200, maxLifetimeMs: 1000 }"),
      "app/api/strict/route.ts": route("{ bus, heartbeatMs: 200, writeTimeoutMs: 4000 }"),
      "app/api/wrapped/route.ts": wrapped,
      "app/api/nested/route.ts": nested,
      "proxy.ts": proxy,
      "server.mjs": server,
    },
  });
}

/** How the app is served: as people do who do not run `next start`. */
export type CustomServer = "http" | "gzip";

/** Starts the app behind a server of its own, as in Next's guide to custom servers. */
export async function startCustom(
  { folder }: ExampleVariant,
  kind: CustomServer,
): Promise<NextServer> {
  const port = await freePort();
  const env = {
    PORT: String(port),
    SERVER: kind,
    NODE_ENV: "production",
    SSE_BUS_OPEN_PUBLISH: "1",
  };
  return startNode(["server.mjs"], { folder, port, env });
}

/** Streams by how their bytes leave, as the server itself counts them. */
export async function countSinks(origin: string): Promise<{ direct: number; web: number }> {
  const response = await fetch(`${origin}/api/health?verbose`);
  return ((await response.json()) as { sinks: { direct: number; web: number } }).sinks;
}

function route(options: string): string {
  return `
    import { createSseRoute } from "sse-bus/next";
    import { bus } from "@/lib/sse-bus";

    export const { GET, HEAD } = createSseRoute(${options});
  `;
}

/** A route that changes the stream's bytes on their way out. */
const wrapped = `
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  const route = createSseRoute({ bus });

  export async function GET(request: Request) {
    const response = await route.GET(request);
    const decoder = new TextDecoder();
    const encoder = new TextEncoder();
    const shout = new TransformStream<Uint8Array, Uint8Array>({
      transform: (bytes, controller) =>
        controller.enqueue(encoder.encode(decoder.decode(bytes).replaceAll("secret", "******"))),
    });
    return new Response(response.body!.pipeThrough(shout), response);
  }
`;

/** A route that reads a stream for itself while it answers something else. */
const nested = `
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  const route = createSseRoute({ bus });

  export async function GET(request: Request) {
    const { body } = await route.GET(new Request(request.url));
    const reader = body!.getReader();
    const encoder = new TextEncoder();
    const answer = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let count = 0; count < 3; count++) {
          const { value } = await reader.read();
          controller.enqueue(encoder.encode("[" + value!.length + "]"));
        }
        await reader.cancel();
        controller.close();
      },
    });
    return new Response(answer, { headers: { "Content-Type": "text/plain" } });
  }
`;

const proxy = `
  import { NextResponse } from "next/server";

  export function proxy() {
    return NextResponse.next({ headers: { "X-Proxied": "yes" } });
  }

  export const config = { matcher: "/api/:path*" };
`;

const server = `
  import http from "node:http";
  import zlib from "node:zlib";
  import next from "next";

  const port = Number(process.env.PORT);
  const app = next({ dev: false, hostname: "127.0.0.1", port });
  const handle = app.getRequestHandler();
  await app.prepare();

  // A middleware that compresses whatever it gets, and asks nobody.
  function gzip(request, response) {
    response.setHeader("Content-Encoding", "gzip");
    const stream = zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH });
    const write = response.write.bind(response);
    const end = response.end.bind(response);
    stream.on("data", (bytes) => write(bytes));
    stream.on("drain", () => response.emit("drain"));
    stream.on("end", () => end());
    response.write = (bytes) => stream.write(bytes);
    response.end = (bytes) => (stream.end(bytes), response);
    return handle(request, response);
  }

  const listener = process.env.SERVER === "gzip" ? gzip : handle;
  http.createServer(listener).listen(port, "127.0.0.1", () => console.log("Ready in 0ms"));
`;
