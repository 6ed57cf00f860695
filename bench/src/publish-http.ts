// Publishing over HTTP: `pnpm bench:publish [--rounds N] [--seconds S] [--next] [--name NAME]`. The server has one core, wrk
// the other. The peers are a bare JSON echo over node:http, and nchan if nginx has it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cpus, describeMachine } from "./machine.ts";
import { resultsFolder } from "./paths.ts";
import { endAll } from "./process.ts";
import { median } from "./statistics.ts";
import { hasNchan, type Server, startNchan, startNext, startNode } from "./variants.ts";

interface Row {
  readonly title: string;
  readonly path: string;
  start(): Promise<Server>;
}

interface Sample {
  readonly perSecond: number;
  /** CPU time of the server for one request, in µs. Other programs affect it less than the rate. */
  readonly cpuUs: number;
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "--"),
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    /** Needs the Next app, which `pnpm bench` builds. */
    next: { type: "boolean", default: false },
    name: { type: "string", default: `${new Date().toISOString().slice(0, 10)}-publish` },
  },
});

const CONNECTIONS = 32;
const DATA = { id: 42, state: "paid", total: 129.9, note: "a message of usual size" };
const MESSAGE = JSON.stringify({ channel: "orders/42", data: DATA });
const ECHO = "bare node:http, JSON echo";

const open = { OPEN_PUBLISH: "1", SSE_BUS_OPEN_PUBLISH: "1" };
const rows: readonly Row[] = [
  { title: ECHO, path: "/", start: () => startNode("json-echo") },
  { title: "hub, POST /publish", path: "/publish", start: () => startNode("hub", open) },
  ...(values.next
    ? [{ title: "Next route", path: "/api/publish", start: () => startNext(open) }]
    : []),
  ...(hasNchan() ? [{ title: "nchan", path: "/pub", start: () => startNchan() }] : []),
];

const samples = new Map<Row, Sample[]>(rows.map((each) => [each, []]));
const folder = mkdtempSync(join(tmpdir(), "bench-publish-"));
const script = join(folder, "post.lua");
writeFileSync(
  script,
  `wrk.method = "POST"\nwrk.body = [==[${MESSAGE}]==]\nwrk.headers["Content-Type"] = "application/json"\n`,
);
process.once("SIGINT", () => {
  endAll();
  process.exit(1);
});
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const each of rows) {
      const sample = await measure(each);
      samples.get(each)?.push(sample);
      console.log(`round ${round}, ${each.title}: ${Math.round(sample.perSecond)} requests/s`);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
const text = page();
writeFileSync(join(resultsFolder, `${values.name}.md`), text);
console.log(text);

async function measure(each: Row): Promise<Sample> {
  await using server = await each.start();
  const url = `http://127.0.0.1:${server.port}${each.path}`;
  load(url, 1);
  const before = server.usage().cpuSeconds;
  const { requests, perSecond } = load(url, Number(values.seconds));
  const cpuUs = ((server.usage().cpuSeconds - before) / requests) * 1e6;
  return { perSecond, cpuUs };
}

/** @throws Error if a request is refused */
function load(url: string, seconds: number): { requests: number; perSecond: number } {
  const options = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, url];
  const pinned = ["-c", String(cpus.generator), "wrk", ...options];
  const output = execFileSync("taskset", pinned).toString();
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(output);
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
  };
}

function page(): string {
  const echo = samples.get(rows[0] as Row) ?? [];
  const lines = rows.map((each) => {
    const own = samples.get(each) ?? [];
    // Ratios of one round, then their median: what else runs affects both sides of a round alike.
    const ratio = median(own.map(({ perSecond }, n) => perSecond / (echo[n]?.perSecond ?? NaN)));
    const perSecond = Math.round(median(own.map((sample) => sample.perSecond)));
    const cpuUs = median(own.map((sample) => sample.cpuUs)).toFixed(0);
    return `| ${each.title} | ${perSecond} | ${cpuUs} | ${ratio.toFixed(2)} × |`;
  });
  return `# Publishing over HTTP: ${values.name}

\`pnpm bench:publish\`: ${CONNECTIONS} connections, ${MESSAGE.length} bytes, medians of ${values.rounds} rounds of ${values.seconds} s.

${Object.entries(describeMachine())
  .map(([name, value]) => `- ${name}: ${value}`)
  .join("\n")}

| server | messages/s | CPU µs per request | of the echo's rate |
| ------ | ---------: | -----------------: | -----------------: |
${lines.join("\n")}
`;
}
