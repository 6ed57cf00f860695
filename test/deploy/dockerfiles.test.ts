import { readFile } from "node:fs/promises";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";
import { validate, ValidationCode, ValidationSeverity } from "dockerfile-utils";
import { describe, expect, test } from "vitest";
import { parse, parseDocument } from "yaml";
import { repository } from "../support/repository.ts";
import { lastOf, readDockerfile, type Stage } from "./dockerfile.ts";

const folder = join(repository, "deploy/docker");

describe.each(["app", "hub"])("deploy/docker/%s/Dockerfile", (name) => {
  const file = join(folder, name, "Dockerfile");
  const finalStage = async (): Promise<Stage> => (await readDockerfile(file)).at(-1) as Stage;

  test("passes the linter", async () => {
    const problems = validate(await readFile(file, "utf8"), {
      instructionWorkdirRelative: ValidationSeverity.ERROR,
      instructionCmdMultiple: ValidationSeverity.ERROR,
      instructionEntrypointMultiple: ValidationSeverity.ERROR,
      instructionHealthcheckMultiple: ValidationSeverity.ERROR,
      instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
      emptyContinuationLine: ValidationSeverity.ERROR,
      instructionCasing: ValidationSeverity.ERROR,
      directiveCasing: ValidationSeverity.ERROR,
      deprecatedMaintainer: ValidationSeverity.ERROR,
    });
    expect(
      problems.map(({ code, message, range }) => [ValidationCode[code as number], message, range]),
    ).toEqual([]);
  });

  test("installs and builds in stages of their own, all from the same image of Node.js", async () => {
    const stages = await readDockerfile(file);
    expect(stages.length).toBeGreaterThanOrEqual(2);
    const names = stages.map((stage) => stage.name);
    const bases = stages.map(({ from }) => from).filter((from) => !names.includes(from));
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:2\d-\w+-slim$/);
    const installs = (await finalStage()).steps.filter(({ text }) => /npm|pnpm|yarn/.test(text));
    expect(installs).toEqual([]);
  });

  test("runs Node.js itself as the first process, without a shell, and not as root", async () => {
    const stage = await finalStage();
    const start = lastOf(stage, "ENTRYPOINT") ?? lastOf(stage, "CMD");
    expect(start).toMatchObject({ isJson: true, words: expect.arrayContaining(["node"]) });
    expect(start?.words[0]).toBe("node");
    expect(lastOf(stage, "USER")?.text).toBe("1000:1000");
    expect(lastOf(stage, "STOPSIGNAL")?.text).toBe("SIGTERM");
  });

  test("has a health check in the JSON form, on the port that it exposes", async () => {
    const stage = await finalStage();
    const check = lastOf(stage, "HEALTHCHECK");
    expect(check?.isJson).toBe(true);
    const variable = /process\.env\.(\w+)/.exec(check?.text ?? "")?.[1] ?? "";
    const ports = stage.steps.flatMap(({ variables }) => variables[variable] ?? []);
    expect(ports).toEqual([lastOf(stage, "EXPOSE")?.text]);
  });

  test("copies no secret, no history and no package of this machine", async () => {
    const text = await readFile(join(folder, name, ".dockerignore"), "utf8");
    const ignored = dockerignore.default().add(text);
    const secrets = [
      ".env",
      ".env.local",
      "redis.env",
      ".git/config",
      "node_modules/next/index.js",
    ];
    expect(ignored.filter(secrets)).toEqual([]);
    const needed = [
      "package.json",
      "package-lock.json",
      ...(name === "app" ? ["app/page.tsx"] : []),
    ];
    expect(ignored.filter(needed)).toEqual(needed);
  });
});

test("the hub's package.json has the packages that the package may use, in versions that it accepts", async () => {
  const read = async (path: string) => JSON.parse(await readFile(path, "utf8"));
  const own = await read(join(repository, "packages/sse-bus/package.json"));
  const { dependencies } = await read(join(folder, "hub/package.json"));
  const { "sse-bus": version, ...clients } = dependencies as Record<string, string>;
  expect(version).toBe(`^${own.version}`);
  for (const name of Object.keys(clients)) expect(own.peerDependencies).toHaveProperty([name]);
});

describe("deploy/docker/compose.yaml", () => {
  const path = join(folder, "compose.yaml");
  const read = async (): Promise<Compose> =>
    parse(await readFile(path, "utf8"), { merge: true }) as Compose;

  test("is valid YAML without double keys", async () => {
    const document = parseDocument(await readFile(path, "utf8"), { strict: true, merge: true });
    expect([...document.errors, ...document.warnings]).toEqual([]);
  });

  test.each(["redis", "nats", "postgres"])(
    "with %s.env, the app waits for this backend alone, and connects to it",
    async (backend) => {
      const { services } = await read();
      const env = await readFile(join(folder, `${backend}.env`), "utf8");
      expect(env).toContain(`COMPOSE_PROFILES=${backend}\n`);
      const url = new URL(/^SSE_BUS_URL=(.*)$/m.exec(env)?.[1] ?? "");
      expect(url.hostname).toBe(backend);
      expect(services[backend]?.profiles).toEqual([backend]);
      expect(services[backend]?.healthcheck).toBeDefined();
      const wait = { condition: "service_healthy", required: false };
      for (const reader of ["app", "hub"]) {
        expect(services[reader]?.depends_on?.[backend]).toEqual(wait);
        expect(services[reader]?.environment?.["SSE_BUS_URL"]).toMatch(/^\$\{SSE_BUS_URL:\?/);
      }
      if (backend !== "postgres") return;
      const { POSTGRES_USER, POSTGRES_DB } = services[backend]?.environment ?? {};
      expect([url.username, url.pathname]).toEqual([POSTGRES_USER, `/${POSTGRES_DB}`]);
      expect(env).toContain(`POSTGRES_PASSWORD=${url.password}\n`);
    },
  );

  test("gives each server more time to drain than the ten seconds that a drain may take", async () => {
    const { services } = await read();
    for (const name of ["app", "hub"]) {
      expect(Number(services[name]?.stop_grace_period?.replace("s", ""))).toBeGreaterThan(10);
    }
  });

  test("starts nginx with the tested file, in which it names the app", async () => {
    const { services } = await read();
    const script = services["nginx"]?.command?.at(-1) ?? "";
    const [, from = "", to = ""] = /sed 's\/([^/]+)\/([^/]+)\/'/.exec(script) ?? [];
    const text = await readFile(join(repository, "deploy/proxies/nginx.conf"), "utf8");
    expect(text.split(from)).toHaveLength(2);
    expect(to).toContain("server app:3000 resolve;");
    expect(services["app"]?.expose).toEqual(["3000"]);
  });
});

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface ComposeService {
  readonly profiles?: readonly string[];
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly stop_grace_period?: string;
  readonly command?: readonly string[];
  readonly expose?: readonly string[];
}
