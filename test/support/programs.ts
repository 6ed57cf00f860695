export interface Program {
  /** Tried on PATH in this order. An absolute path is used unchanged. */
  readonly commands: readonly string[];
  /** Folders besides PATH; a `*` as the last but one segment means the newest version. */
  readonly folders?: readonly string[];
  /** Debian packages that contain it. */
  readonly apt: readonly string[];
  /** What to run on a machine without apt. */
  readonly otherwise: string;
  /** A variable with a server's URL, which tests use that need no server of their own. */
  readonly urlVariable?: string;
}

const brew = (formula: string): string => `brew install ${formula}`;

/** What the tests need beyond Node.js. `<NAME>_PATH` in the environment sets a program's path. */
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
    apt: ["chromium", "chromium-headless-shell"],
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
