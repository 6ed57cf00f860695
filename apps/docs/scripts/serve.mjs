// Serves the exported site on PORT (3000).
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sirv from "sirv";

const folder = fileURLToPath(new URL("../out", import.meta.url));
if (!existsSync(folder)) throw new Error("Build the site first: pnpm --filter docs build");

const port = Number(process.env.PORT ?? 3000);
const files = sirv(folder, { extensions: ["html"], gzip: false });
const notFound = await readFile(join(folder, "404.html"));

const server = createServer((request, response) => {
  files(request, response, () => {
    response.writeHead(404, { "content-type": "text/html; charset=utf-8" }).end(notFound);
  });
});
server.listen(port, () =>
  console.log(`The documentation is on http://localhost:${server.address().port}`),
);
