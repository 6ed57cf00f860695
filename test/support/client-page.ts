import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";

import { repository } from "./repository.ts";

export interface ClientPage extends AsyncDisposable {
  readonly port: number;
}

/**
 * Serves a page that subscribes to `news` with the built client, and passes `/sse` and `/publish` on to
 * a hub, so that both have one origin. The page shows its status in its title, and keeps in `heard`
 * the received messages, in `gaps` the gaps, in `delays` how old each message was by its `at`, and in
 * `connections` each status. `?client=` accepts more options, as JSON.
 */
export async function serveClientPage(hubPort: number): Promise<ClientPage> {
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: join(repository, "packages/sse-bus") },
    bundle: true,
    format: "iife",
    write: false,
  });
  const html = `<!doctype html><title>idle</title><script>${outputFiles[0]?.text}</script>`;
  const server = createServer((incoming, response) => {
    const { url = "/", method, headers } = incoming;
    if (!/^\/(sse|publish)\b/.test(url)) {
      response.writeHead(200, { "Content-Type": "text/html" }).end(html);
      return;
    }
    const outgoing = request({ port: hubPort, path: url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const PAGE = `
  import { createSseClient } from "./dist/client/index.js";
  const more = JSON.parse(new URLSearchParams(location.search).get("client") ?? "{}");
  const client = createSseClient({ url: "/sse", onError: (error) => errors.push(error.message), ...more });
  const errors = (window.errors = []);
  const heard = (window.heard = []);
  const gaps = (window.gaps = []);
  const delays = (window.delays = []);
  const connections = (window.connections = []);
  client.subscribeStatus(() => {
    document.title = client.status;
    const { status, transport } = client.getStatus();
    connections.push({ status, transport, at: Date.now() });
  });
  const onNews = (data) => {
    heard.push(data);
    delays.push(Date.now() - data?.at);
  };
  client.subscribe("news", onNews, { onGap: (gap) => gaps.push(gap) });
`;
