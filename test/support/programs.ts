export interface Program {
  /** Tried on PATH in this order. An absolute path is tried as it stands. */
  readonly commands: readonly string[];
  /** Folders beside PATH; a `*` in the last but one place stands for the newest version there. */
  readonly folders?: readonly string[];
  /** Debian packages that bring it. */
  readonly apt: readonly string[];
  /** What to run on a machine without apt. */
  readonly otherwise: string;
  /** When this holds a server's URL, tests that need no server of their own use that one. */
  readonly urlVariable?: string;
}

const brew = (formula: string): string => `brew install ${formula}`;

/** What the tests need beyond Node. `<NAME>_PATH` in the environment names a program outright. */
export const programs = {
  redis: {
    commands: ["redis-server", "valkey-server"],
    apt: ["redis-server"],
    otherwise: brew("redis"),
    urlVariable: "SSE_BUS_TEST_REDIS_URL",
  },
  nats: {
    commands: ["nats-server"],
    apt: ["nats-server"],
    otherwise: brew("nats-server"),
    urlVariable: "SSE_BUS_TEST_NATS_URL",
  },
  postgres: {
    commands: ["postgres"],
    folders: ["/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql/bin"],
    apt: ["postgresql"],
    otherwise: brew("postgresql"),
    urlVariable: "SSE_BUS_TEST_POSTGRES_URL",
  },
  nginx: { commands: ["nginx"], apt: ["nginx"], otherwise: brew("nginx") },
  haproxy: { commands: ["haproxy"], apt: ["haproxy"], otherwise: brew("haproxy") },
  caddy: { commands: ["caddy"], apt: ["caddy"], otherwise: brew("caddy") },
  varnish: { commands: ["varnishd"], apt: ["varnish"], otherwise: brew("varnish") },
  chromium: {
    commands: [
      "chromium",
      "chromium-browser",
      "google-chrome",
      "google-chrome-stable",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    apt: ["chromium"],
    otherwise: "npx playwright-core install chromium",
  },
  firefox: {
    commands: ["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"],
    apt: ["firefox-esr"],
    otherwise: brew("--cask firefox"),
  },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

export const programNames = Object.keys(programs) as ProgramName[];

/** The environment variable that names the program's path. */
export const pathVariable = (name: ProgramName): string => `${name.toUpperCase()}_PATH`;
