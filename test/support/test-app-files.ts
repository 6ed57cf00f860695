/** The key of `/api/token`. */
export const TOKEN_SECRET = "the-secret-of-these-tests-and-of-nothing-else";

/** How often `/api/lively` sends a heartbeat. */
export const LIVELY_HEARTBEAT_MS = 500;

const methods = "{ GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS }";

/** Refuses in every possible way. */
const privateRoute = `
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  export const ${methods} = createSseRoute({
    bus,
    heartbeatMs: 400,
    authorizeTimeoutMs: 2000,
    authorize({ request }) {
      const { searchParams } = new URL(request.url);
      const answers = {
        yes: () => true,
        no: () => false,
        unauthorized: () => 401 as const,
        forbidden: () => 403 as const,
        hang: () => new Promise<boolean>(() => {}),
        throw: (): boolean => { throw new Error("the database is down"); },
        reject: () => Promise.reject(new Error("the database is down")),
        reduced: () => ({ channels: ["news"] }),
        wider: () => ({ channels: ["secrets/**"] }),
        other: () => ({ channels: ["admin"] }),
        response: () => new Response(null, { status: 403 }) as never,
        expires: () => ({ expiresAt: Number(searchParams.get("at")) }),
        renews: () => !request.signal.aborted && { expiresAt: Date.now() + 500 },
      };
      return answers[searchParams.get("answer") as keyof typeof answers]();
    },
  });
`;

const tokenRoute = `
  import { jwtAuthorize } from "sse-bus/jwt";
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  const authorize = jwtAuthorize({ key: ${JSON.stringify(TOKEN_SECRET)} });
  export const ${methods} = createSseRoute({ bus, authorize });
`;

const narrowRoute = `
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  export const ${methods} = createSseRoute({
    bus,
    maxConnections: 3,
    maxConnectionsPerClient: 2,
    maxChannels: 2,
    maxPatterns: 1,
  });
`;

const narrowPublishRoute = `
  import { createPublishRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  export const ${methods} = createPublishRoute({
    bus,
    maxPublishesPerMinute: 3,
    authorize: ({ channels, request }) =>
      request.headers.has("authorization") ? channels[0] === "open" : 401,
  });
`;

/** A route that transforms the stream's bytes. */
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

/** A route that reads a stream itself and returns another response. */
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

/** A route that counts connected clients by the request's signal. */
const watched = `
  import { createSseRoute } from "sse-bus/next";
  import { bus } from "@/lib/sse-bus";

  const route = createSseRoute({ bus });
  let present = 0;

  export async function GET(request: Request) {
    if (new URL(request.url).searchParams.has("count")) return Response.json(present);
    present++;
    request.signal.addEventListener("abort", () => present--);
    return route.GET(request);
  }
`;

const proxy = `
  import { NextResponse } from "next/server";

  export function proxy() {
    return NextResponse.next({ headers: { "X-Proxied": "yes" } });
  }

  export const config = { matcher: "/api/:path*" };
`;

/** The options of a stream's route and of its take-over. */
const guarded = `
  import { cookies } from "next/headers";
  import type { SseRouteOptions } from "sse-bus/next";
  import { bus } from "./sse-bus";

  export const guarded = {
    bus,
    maxConnectionsPerClient: 2,
    cors: { origins: ["https://app.example"] },
    async authorize({ request }) {
      const { pathname, searchParams } = new URL(request.url);
      // Known where Next runs the route, and only there.
      if (searchParams.has("cookies")) return (await cookies()).has("session");
      const isWhole = request instanceof Request && request.method === "GET";
      if (!isWhole || pathname !== "/api/guarded" || request.signal.aborted) return 403;
      return request.headers.get("cookie") === "session=1" || 401;
    },
  } satisfies SseRouteOptions<any, any>;
`;

const guardedRoute = `
  import { createSseRoute } from "sse-bus/next";
  import { guarded } from "@/lib/guarded";

  export const ${methods} = createSseRoute(guarded);
`;

/** The demo's instrumentation, with streams taken over. */
const instrumentation = `
  export async function register() {
    if (process.env.NEXT_RUNTIME === "nodejs") {
      const { bus } = await import("./lib/sse-bus");
      const { guarded } = await import("./lib/guarded");
      const { registerSseBus } = await import("sse-bus/next");
      await registerSseBus();
      if (process.env.TAKE_OVER) {
        await registerSseBus({ takeOver: { path: "/api/sse", bus } });
        await registerSseBus({ takeOver: { path: "/api/guarded", ...guarded } });
      }
      await import("./features/background");
    }
  }
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

/** The files that the variant adds to the demo, by path. */
export const testAppFiles: Readonly<Record<string, string>> = {
  "app/api/brief/route.ts": route("{ bus, heartbeatMs: 200, maxLifetimeMs: 1000 }"),
  "app/api/lively/route.ts": route(`{ bus, heartbeatMs: ${LIVELY_HEARTBEAT_MS} }`),
  "app/api/compressed/route.ts": route("{ bus, compress: true }"),
  "app/api/strict/route.ts": route("{ bus, heartbeatMs: 200, writeTimeoutMs: 4000 }"),
  "app/api/wrapped/route.ts": wrapped,
  "app/api/nested/route.ts": nested,
  "app/api/watched/route.ts": watched,
  "app/api/private/route.ts": privateRoute,
  "app/api/token/route.ts": tokenRoute,
  "app/api/narrow/route.ts": narrowRoute,
  "app/api/narrow-publish/route.ts": narrowPublishRoute,
  "app/api/guarded/route.ts": guardedRoute,
  "lib/guarded.ts": guarded,
  "instrumentation.ts": instrumentation,
  "proxy.ts": proxy,
  "server.mjs": server,
};

function route(options: string): string {
  return `
    import { createSseRoute } from "sse-bus/next";
    import { bus } from "@/lib/sse-bus";

    export const ${methods} = createSseRoute(${options});
  `;
}
