import { existsSync } from "node:fs";
import { createPublicKey, type KeyObject } from "node:crypto";
import { isSseBusError } from "../core/errors.ts";
import { nameOf, type Settings, UsageError } from "./flags.ts";
import type { HubOptions } from "./hub-options.ts";

/** The flags for JSON Web Tokens, which decide who may read and publish. */
export interface JwtFlags {
  readonly key: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly issuer: readonly string[];
  readonly audience: readonly string[];
  readonly infoClaim: string | undefined;
}

/** Access control, in the form of `createHub` options. */
export type HubAccess = Pick<HubOptions<never, never>, "authorize" | "authorizePublish">;

/** @throws UsageError */
export function readJwtFlags(settings: Settings): JwtFlags | undefined {
  const key = settings.text("jwt-key");
  const jwksUrl = settings.text("jwks-url");
  const issuer = settings.list("jwt-issuer");
  const audience = settings.list("jwt-audience");
  const infoClaim = settings.text("jwt-info-claim");
  if (key !== undefined && jwksUrl !== undefined) {
    throw new UsageError("--jwt-key and --jwks-url exclude each other: give one of them.");
  }
  if (key !== undefined || jwksUrl !== undefined) {
    return { key, jwksUrl, issuer, audience, infoClaim };
  }
  const alone = (
    [
      ["jwt-issuer", issuer.length > 0],
      ["jwt-audience", audience.length > 0],
      ["jwt-info-claim", infoClaim !== undefined],
    ] as const
  ).find(([, isGiven]) => isGiven)?.[0];
  if (alone === undefined) return undefined;
  throw new UsageError(`${nameOf(alone)} has no effect alone: add --jwt-key or --jwks-url.`);
}

/**
 * Makes `authorize` from the flags. Readers, and publishers without the publish token, need a JWT that names the
 * channel. Needs `jose`.
 *
 * @throws UsageError
 */
export async function createAccess(
  jwt: JwtFlags | undefined,
  { openPublish }: Pick<HubOptions<never, never>, "openPublish">,
): Promise<HubAccess> {
  if (!jwt) return {};
  const { key, jwksUrl, issuer, audience, infoClaim } = jwt;
  const flag = key === undefined ? "jwks-url" : "jwt-key";
  const { jwtAuthorize } = await importJwt(nameOf(flag));
  const keys = key === undefined ? { jwksUrl: jwksUrl as string } : { key: readKey(key) };
  const authorize = usable(flag, jwksUrl, () =>
    jwtAuthorize({
      ...keys,
      ...(issuer.length > 0 && { issuer }),
      ...(audience.length > 0 && { audience }),
      ...(infoClaim !== undefined && { infoClaim }),
    }),
  );
  return openPublish ? { authorize } : { authorize, authorizePublish: authorize };
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
  if (!text.includes("-----BEGIN")) {
    // Everybody may know the name of a file.
    if (!text.includes("\0") && existsSync(text)) {
      throw new UsageError(
        `${nameOf("jwt-key")} is the name of a file, not a key: give the file's text, as in --jwt-key "$(cat FILE)".`,
      );
    }
    return text;
  }
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
    // Path and query may contain a key of the API.
    const given = url !== undefined && URL.canParse(url) ? ` "${new URL(url).origin}"` : "";
    throw new UsageError(`${nameOf(flag)}${given}: ${error.message}`);
  }
}
