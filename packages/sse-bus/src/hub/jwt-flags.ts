import { createPublicKey, type KeyObject } from "node:crypto";
import { isSseBusError } from "../core/errors.ts";
import type { Authorize } from "../http/authorize.ts";
import { readPublishAccess } from "../http/publish-access.ts";
import { nameOf, type Settings, UsageError } from "./flags.ts";
import type { HubOptions } from "./hub-options.ts";

/** The flags for JSON Web Tokens, which decide who may read and publish. */
export interface JwtFlags {
  readonly key: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly issuer: readonly string[];
  readonly audience: readonly string[];
}

/** Access control, in the form of `createHub` options. */
export type HubAccess = Pick<HubOptions<never, never>, "authorize" | "authorizePublish">;

/** @throws UsageError */
export function readJwtFlags(settings: Settings): JwtFlags | undefined {
  const key = settings.text("jwt-key");
  const jwksUrl = settings.text("jwks-url");
  const issuer = settings.list("jwt-issuer");
  const audience = settings.list("jwt-audience");
  if (key !== undefined && jwksUrl !== undefined) {
    throw new UsageError("--jwt-key and --jwks-url exclude each other: give one of them.");
  }
  if (key !== undefined || jwksUrl !== undefined) return { key, jwksUrl, issuer, audience };
  const alone = issuer.length > 0 ? "jwt-issuer" : audience.length > 0 ? "jwt-audience" : undefined;
  if (alone === undefined) return undefined;
  throw new UsageError(`${nameOf(alone)} has no effect alone: add --jwt-key or --jwks-url.`);
}

/**
 * Makes `authorize` from the flags. Clients that send the publish token may publish to every channel; all
 * others need a JWT that names the channel. Needs `jose`.
 *
 * @throws UsageError
 */
export async function createAccess(
  jwt: JwtFlags | undefined,
  { publishToken, openPublish }: Pick<HubOptions<never, never>, "publishToken" | "openPublish">,
): Promise<HubAccess> {
  if (!jwt) return {};
  const { key, jwksUrl, issuer, audience } = jwt;
  const flag = key === undefined ? "jwks-url" : "jwt-key";
  const { jwtAuthorize } = await importJwt(nameOf(flag));
  const keys = key === undefined ? { jwksUrl: jwksUrl as string } : { key: readKey(key) };
  const authorize = usable(flag, jwksUrl, () =>
    jwtAuthorize({
      ...keys,
      ...(issuer.length > 0 && { issuer }),
      ...(audience.length > 0 && { audience }),
    }),
  );
  if (openPublish) return { authorize };
  if (publishToken === undefined) return { authorize, authorizePublish: authorize };
  const env = { SSE_BUS_PUBLISH_TOKEN: publishToken };
  const hasPublishToken = async (request: Request): Promise<boolean> =>
    (await readPublishAccess(request, env)) === "granted";
  const authorizePublish: Authorize = async (context) =>
    (await hasPublishToken(context.request)) || authorize(context);
  const authenticate = async (request: Request): Promise<boolean> =>
    (await hasPublishToken(request)) || (authorize.authenticate?.(request) ?? true);
  return { authorize, authorizePublish: Object.assign(authorizePublish, { authenticate }) };
}

async function importJwt(flag: string): Promise<typeof import("../jwt/index.ts")> {
  try {
    return await import("../jwt/index.ts");
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UsageError(
      `${flag} needs the package jose, which is not installed: npm install jose.`,
    );
  }
}

/** PEM text is a public key, anything else a secret. Neither appears in errors or logs. */
function readKey(text: string): string | KeyObject {
  if (!text.includes("-----BEGIN")) return text;
  if (text.includes("PRIVATE KEY")) {
    throw new UsageError(
      `${nameOf("jwt-key")} is a private key: give the public one, which is enough to check tokens.`,
    );
  }
  try {
    return createPublicKey(text);
  } catch (error) {
    throw new UsageError(
      `${nameOf("jwt-key")} is PEM text, but no public key (${(error as Error).message}): give one in SPKI form.`,
    );
  }
}

function usable<T>(flag: "jwt-key" | "jwks-url", url: string | undefined, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isSseBusError(error) || error.code !== "INVALID_OPTION") throw error;
    const given = url === undefined ? "" : ` "${url}"`;
    throw new UsageError(`${nameOf(flag)}${given}: ${error.message}`);
  }
}
