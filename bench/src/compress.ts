// What compression costs and saves: `pnpm bench:compress [--name NAME]`. The dashboard's messages, on the hub
// with and without compression, and on better-sse behind nginx, whose gzip has a compressor for each stream.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "./free-port.ts";
import { type Load, openLoad } from "./load.ts";
import { cpus, describeMachine } from "./machine.ts";
import { benchFolder, resultsFolder } from "./paths.ts";
import { endAll, nextMessage, start, stop } from "./process.ts";
import type { DashboardAnswer, DashboardCommand } from "./servers/dashboard.ts";
import { median } from "./statistics.ts";
import { pause } from "./stretch.ts";
import { usageOf } from "./usage.ts";

const SECONDS = 5;
const RATES = [10, 200, 1000];
const BYTES_READERS = 50;
const CPU_READERS = [8, 100, 1000];
const CPU_DELIVERIES = 400_000;
const MEMORY_READERS = 2000;

interface Subject {
  readonly title: string;
  readonly env: Record<string, string>;
  readonly isBehindNginx?: boolean;
}

const SUBJECTS: readonly Subject[] = [
  { title: "hub", env: { COMPRESS: "0" } },
  { title: "hub, compressed", env: { COMPRESS: "1" } },
  { title: "better-sse behind nginx, gzip", env: { LIBRARY: "better-sse" }, isBehindNginx: true },
];

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "--"),
  options: {
    rounds: { type: "string", default: "3" },
    name: { type: "string", default: `${new Date().toISOString().slice(0, 10)}-compress` },
  },
});
process.once("SIGINT", () => {
  endAll();
  process.exit(1);
});

/** Figures by their titles, of each subject. */
const figures = new Map<string, Map<string, number[]>>();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const subject of SUBJECTS) await measure(subject);
}
const page = `${describe()}\n`;
writeFileSync(join(resultsFolder, `${values.name}.md`), page);
console.log(page);
process.exit();

async function measure(subject: Subject): Promise<void> {
  const note = (title: string, value: number): void => {
    const row = figures.get(title) ?? new Map<string, number[]>();
    figures.set(title, row);
    row.set(subject.title, [...(row.get(subject.title) ?? []), value]);
  };
  for (const hz of RATES) {
    await using server = await open(subject);
    await using load = await server.load(BYTES_READERS);
    // More than there will be: the generator cannot read compressed messages, and stops at the time.
    const { bytes } = await load.receive(1e9, SECONDS + 2, () => {
      void server.ask({ do: "rate", hz, seconds: SECONDS });
    });
    note(`bytes per message, ${hz} messages/s`, bytes / BYTES_READERS / (hz * SECONDS));
  }
  for (const readers of CPU_READERS) {
    await using server = await open(subject);
    await using _ = await server.load(readers);
    const messages = Math.min(2000, CPU_DELIVERIES / readers);
    await server.ask({ do: "single", messages: Math.min(200, messages) });
    const before = server.cpuSeconds();
    const { stalls } = await server.ask({ do: "single", messages });
    if (stalls > 0) console.error(`${subject.title}: ${stalls} streams fell behind`);
    const used = server.cpuSeconds() - before;
    note(`CPU µs per delivery, ${readers} streams`, (used * 1e6) / messages / readers);
  }
  await using server = await open(subject);
  await (await server.load(500))[Symbol.asyncDispose]();
  await pause(500);
  const before = server.rssKb();
  await using _ = await server.load(MEMORY_READERS);
  await server.ask({ do: "single", messages: 20 });
  note(
    `KB (RSS) per stream, ${MEMORY_READERS} streams`,
    (server.rssKb() - before) / MEMORY_READERS,
  );
}

interface Dashboard extends AsyncDisposable {
  load(readers: number): Promise<Load>;
  ask(command: DashboardCommand): Promise<DashboardAnswer>;
  cpuSeconds(): number;
  rssKb(): number;
}

async function open({ env, isBehindNginx }: Subject): Promise<Dashboard> {
  const own = await freePort();
  const program = join(benchFolder, "dist/servers/dashboard.js");
  const node = [process.execPath, program];
  const options = { ipc: true, env: { ...env, PORT: String(own) } };
  const child = start(cpus.server, node, options);
  await nextMessage(child);
  const nginx = isBehindNginx ? await startNginx(own) : undefined;
  const pids = [child.pid, nginx?.pid].filter((pid) => pid !== undefined);
  const sum = (of: "cpuSeconds" | "rssKb"): number =>
    pids.reduce((total, pid) => total + usageOf(pid)[of], 0);
  return {
    load: (connections) =>
      openLoad({
        cpu: cpus.generator,
        port: nginx?.port ?? own,
        connections,
        path: "/sse?channel=readings",
        header: "Accept-Encoding: gzip",
      }),
    async ask(command) {
      child.send(command);
      return nextMessage<DashboardAnswer>(child);
    },
    cpuSeconds: () => sum("cpuSeconds"),
    rssKb: () => sum("rssKb"),
    async [Symbol.asyncDispose]() {
      await nginx?.stop();
      await stop(child);
    },
  };
}

async function startNginx(upstream: number) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "bench-nginx-"));
  const file = join(folder, "nginx.conf");
  writeFileSync(file, nginxConfig({ port, upstream, folder }));
  const args = ["-p", folder, "-c", file, "-e", "stderr"];
  const child = start(cpus.server, ["nginx", ...args], { endSignal: "SIGTERM" });
  await pause(500);
  return {
    port,
    pid: child.pid as number,
    async stop() {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface NginxPlaces {
  readonly port: number;
  readonly upstream: number;
  readonly folder: string;
}

function nginxConfig({ port, upstream, folder }: NginxPlaces): string {
  return `
    daemon off; pid ${folder}/nginx.pid; worker_processes 1; worker_rlimit_nofile 20000;
    events { worker_connections 10000; }
    http {
      access_log off;
      proxy_temp_path ${folder}/proxy; client_body_temp_path ${folder}/body;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      gzip on; gzip_proxied any; gzip_types text/event-stream;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://127.0.0.1:${upstream};
          proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
        }
      }
    }`;
}

function describe(): string {
  const titles = SUBJECTS.map(({ title }) => title);
  const rows = [...figures].map(([title, row]) => {
    const medians = titles.map((each) => median(row.get(each) ?? []));
    const [plain = 0, compressed = 0] = medians;
    const cells = medians.map((value) => value.toFixed(2));
    return `| ${title} | ${cells.join(" | ")} | ${(compressed / plain).toFixed(3)} × |`;
  });
  return [
    `# Compression, ${values.name.slice(0, 10)}`,
    "",
    `${JSON.stringify(describeMachine())}. Medians of ${values.rounds} rounds. The dashboard's messages; the bytes include`,
    "the heads of the responses and HTTP's chunks.",
    "",
    `| | ${titles.join(" | ")} | compressed vs not |`,
    `| --- | ${titles.map(() => "--:").join(" | ")} | --: |`,
    ...rows,
  ].join("\n");
}
