import { type Combination, majorOf } from "./combinations.ts";

/** What the tests add to an app besides the minimal example, by path. */
export function probeFiles(combination: Combination): Record<string, string> {
  const isTyped = combination.typescript !== "none";
  const [script, component] = isTyped ? ["ts", "tsx"] : ["js", "jsx"];
  const within = combination.srcDir ? "src/" : "";
  const text = (code: string): string => (isTyped ? code : withoutTypes(code));
  return {
    "server.mjs": customServer,
    [`${within}app/api/health/route.${script}`]: healthRoute,
    [`${within}app/live/page.${component}`]: livePage,
    [`${within}app/live/status.${component}`]: text(status),
    [`${within}app/live/refresh-on.${component}`]: text(refreshOn),
    [`${within}pages/older.${component}`]: olderPage,
    [`${within}lib/status.${component}`]: text(status),
    [`${within}${guardName(combination)}.${script}`]: guard(guardName(combination)),
  };
}

/** Next.js 16 has renamed `middleware.ts` to `proxy.ts`, which runs on Node.js. */
function guardName({ next }: Combination): "middleware" | "proxy" {
  return majorOf(next) === "15" ? "middleware" : "proxy";
}

/** The configuration of Next.js. */
export function configOf({ server, basePath, cacheComponents }: Combination): object {
  return {
    ...(server === "standalone" && { output: "standalone" }),
    ...(basePath && { basePath }),
    ...(cacheComponents && { cacheComponents }),
  };
}

/** All types that the texts below contain. */
const withoutTypes = (code: string): string => code.replaceAll(/: \{ [^}]+ \}/g, "");

const healthRoute = `
import { createHealthRoute } from "sse-bus/next";
import { bus } from "../../../lib/sse-bus";

export const { GET } = createHealthRoute({ bus });
`;

const livePage = `
import { Suspense } from "react";
import { connection } from "next/server";
import { bus } from "../../lib/sse-bus";
import { RefreshOn } from "./refresh-on";
import { Status } from "./status";

async function Live() {
  await connection();
  const cursor = await bus.cursor();
  return (
    <>
      <Status cursor={cursor} />
      <RefreshOn cursor={cursor} />
    </>
  );
}

export default function Page() {
  return (
    <Suspense>
      <Live />
    </Suspense>
  );
}
`;

/** The version is that of the React that renders it. */
const status = `
"use client";
import { version } from "react";
import { useChannel } from "sse-bus/react";

export function Status({ cursor }: { cursor?: string }) {
  const { status, data } = useChannel("live", {
    cursor,
    initial: "new",
    select: (message: { msg: string }) => message.msg,
  });
  return <p>{"React " + version + ", " + status + ": " + data}</p>;
}
`;

const refreshOn = `
"use client";
import { useRouter } from "next/navigation";
import { useRefresh } from "sse-bus/react";

export function RefreshOn({ cursor }: { cursor: string }) {
  const router = useRouter();
  useRefresh("live", () => router.refresh(), { cursor });
  return <p>{"Rendered at " + cursor}</p>;
}
`;

/** In the Pages Router, where the installed React runs. */
const olderPage = `
import { Status } from "../lib/status";

export default function Older() {
  return <Status />;
}
`;

const guard = (name: string): string => `
export const config = { matcher: "/guarded" };

export function ${name}() {
  return new Response("short and stout", { status: 418 });
}
`;

const customServer = `
import { createServer } from "node:http";
import next from "next";

const port = Number(process.env.PORT);
const app = next({ dev: false, hostname: "127.0.0.1", port });
await app.prepare();
const handle = app.getRequestHandler();
createServer((request, response) => void handle(request, response)).listen(port, "127.0.0.1", () =>
  console.log("Ready in no time"),
);
`;
