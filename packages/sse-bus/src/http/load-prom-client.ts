import { SseBusError } from "../core/errors.ts";

/** The library that counts and formats metrics. */
export type PromClient = typeof import("prom-client");

/**
 * Loads `prom-client`, an optional peer: only apps that serve metrics install it.
 *
 * A bundler resolves the import at build time. `turbopackOptional` tells Turbopack that the package may be
 * missing; webpack and Next.js 16.0 accept that because of the `try` around the import itself.
 *
 * @throws SseBusError `METRICS_UNAVAILABLE`
 * @see https://nextjs.org/docs/app/guides/lazy-loading#turbopackoptional-turbopack-only
 */
export async function loadPromClient(): Promise<PromClient> {
  try {
    return await import(/* turbopackOptional: true */ "prom-client");
  } catch (cause) {
    throw new SseBusError(
      "METRICS_UNAVAILABLE",
      "Metrics need the package `prom-client`, which could not be loaded: run `npm install prom-client` and restart the server.",
      { cause },
    );
  }
}
