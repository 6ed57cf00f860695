import { SseBusError } from "../core/errors.ts";

// The app may not have these clients, but a bundler resolves all of them at build time. With
// `turbopackOptional`, Turbopack accepts a missing one. Next.js 16.0 does not know this comment, and
// accepts a missing import because of the `try` around it.
// https://nextjs.org/docs/app/guides/lazy-loading#turbopackoptional-turbopack-only

/** @throws SseBusError `BACKEND_UNAVAILABLE` */
export async function importRedis(): Promise<typeof import("redis")> {
  try {
    return await import(/* turbopackOptional: true */ "redis");
  } catch (cause) {
    throw missing("redis", cause);
  }
}

/** @throws SseBusError `BACKEND_UNAVAILABLE` */
export async function importNats(): Promise<typeof import("@nats-io/transport-node")> {
  try {
    return await import(/* turbopackOptional: true */ "@nats-io/transport-node");
  } catch (cause) {
    throw missing("@nats-io/transport-node", cause);
  }
}

/** @throws SseBusError `BACKEND_UNAVAILABLE` */
export async function importPg(): Promise<(typeof import("pg"))["default"]> {
  try {
    return (await import(/* turbopackOptional: true */ "pg")).default;
  } catch (cause) {
    throw missing("pg", cause);
  }
}

function missing(name: string, cause: unknown): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The client \`${name}\` could not be loaded: add it to your app's dependencies.`,
    { cause },
  );
}
