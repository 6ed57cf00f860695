import type { NodeVersion } from "../support/runtimes.ts";

/** The oldest and the newest release of each supported major version of Next.js. */
export const nextReleases = ["15.0.0", "15.5.29", "16.0.0", "16.4.6"] as const;
export type NextRelease = (typeof nextReleases)[number];

export const bundlers = ["webpack", "turbopack"] as const;
export type Bundler = (typeof bundlers)[number];

/** The ways to serve an app. */
export const servers = ["start", "standalone", "custom server", "dev"] as const;
export type Server = (typeof servers)[number];

export const typescripts = ["none", "5.5.4", "5.6.3", "5.7.3", "5.8.3", "5.9.3", "6.0.3", "7.0.2"];
export const reacts = ["18.3.1", "19.0.0", "19.3.1"];

/** One app: how it is made, built and served. */
export interface Combination {
  readonly next: NextRelease;
  readonly react: string;
  /** The language of the app: a release of TypeScript, or `none` for JavaScript. */
  readonly typescript: string;
  readonly bundler: Bundler;
  readonly server: Server;
  readonly node: NodeVersion;
  readonly cacheComponents?: true;
  readonly basePath?: "/shop";
  /** The option `srcDir` of create-next-app: the app is in `src/`. */
  readonly srcDir?: true;
}

/**
 * Next.js 15.0 cannot build with Turbopack, and Next.js 15 has no `cacheComponents`. In the App Router, Next.js
 * runs its own copy of React 19; the installed React runs the pages below `pages/`.
 */
export const combinations: readonly Combination[] = [
  app("15.0.0", "18.3.1", "5.5.4", "webpack", "start", 20),
  app("15.0.0", "18.3.1", "none", "webpack", "standalone", 22, { basePath: "/shop" }),
  app("15.0.0", "18.3.1", "5.6.3", "webpack", "custom server", 22, { srcDir: true }),
  app("15.0.0", "18.3.1", "5.6.3", "turbopack", "dev", 20),
  app("15.5.29", "19.3.1", "5.9.3", "turbopack", "start", 24),
  app("15.5.29", "19.0.0", "5.7.3", "turbopack", "standalone", 20, { basePath: "/shop" }),
  app("15.5.29", "18.3.1", "5.8.3", "webpack", "dev", 24, { srcDir: true }),
  app("15.5.29", "19.3.1", "6.0.3", "turbopack", "custom server", 26),
  app("16.0.0", "19.0.0", "5.5.4", "turbopack", "start", 20, { cacheComponents: true }),
  app("16.0.0", "19.0.0", "5.9.3", "webpack", "standalone", 22, {
    cacheComponents: true,
    basePath: "/shop",
  }),
  app("16.0.0", "18.3.1", "none", "webpack", "dev", 24, { srcDir: true }),
  app("16.4.6", "19.3.1", "7.0.2", "turbopack", "standalone", 26, { basePath: "/shop" }),
  app("16.4.6", "19.3.1", "7.0.2", "webpack", "start", 24, { cacheComponents: true }),
  app("16.4.6", "19.3.1", "6.0.3", "turbopack", "custom server", 22, { cacheComponents: true }),
  app("16.4.6", "19.3.1", "7.0.2", "turbopack", "dev", 20, { basePath: "/shop", srcDir: true }),
  app("16.4.6", "18.3.1", "none", "webpack", "custom server", 24, { basePath: "/shop" }),
];

// oxlint-disable-next-line max-params -- the columns of a table
function app(
  next: NextRelease,
  react: string,
  typescript: string,
  bundler: Bundler,
  server: Server,
  node: NodeVersion,
  more: Pick<Combination, "cacheComponents" | "basePath" | "srcDir"> = {},
): Combination {
  return { next, react, typescript, bundler, server, node, ...more };
}

/** Names a combination by all of its values: a run of `pnpm matrix -t 15.5` filters by it. */
export function nameOf(combination: Combination): string {
  const { next, react, typescript, bundler, server, node } = combination;
  const language = typescript === "none" ? "JavaScript" : `TypeScript ${typescript}`;
  const all = [
    `Next.js ${next}`,
    bundler,
    server,
    `Node.js ${node}`,
    `React ${react}`,
    language,
    ...optionsOf(combination),
  ];
  return all.join(", ");
}

export function optionsOf({ cacheComponents, basePath, srcDir }: Combination): string[] {
  return [
    ...(cacheComponents ? ["cacheComponents"] : []),
    ...(basePath ? ["basePath"] : []),
    ...(srcDir ? ["src/"] : []),
  ];
}

export const majorOf = (version: string): string => version.split(".")[0] as string;
