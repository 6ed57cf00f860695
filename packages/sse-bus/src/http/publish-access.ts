import { isOpen, type PublishEnv } from "./publish-options.ts";

/**
 * What the environment says about a request to publish, for routes without `authorize`. `granted`: it may
 * publish. `closed`: nobody may. `missing-token`, `wrong-token`: only with the publish token.
 */
export type PublishAccess = "granted" | "closed" | "missing-token" | "wrong-token";

/** Checks the publish token of a request. */
export async function readPublishAccess(request: Request, env: PublishEnv): Promise<PublishAccess> {
  if (isOpen(env)) return "granted";
  const token = env.SSE_BUS_PUBLISH_TOKEN;
  if (!token) return "closed";
  const sent = /^Bearer +(\S.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (sent === undefined) return "missing-token";
  return (await isEqual(sent, token)) ? "granted" : "wrong-token";
}

/** Compares digests, so that the duration reveals neither the token nor its length. */
async function isEqual(given: string, wanted: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(given), digest(wanted)]);
  return a.reduce((difference, byte, index) => difference | (byte ^ (b[index] as number)), 0) === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
