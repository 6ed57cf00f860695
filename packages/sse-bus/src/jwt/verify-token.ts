import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { SseBusError } from "../core/errors.ts";
import {
  defaultAlgorithms,
  invalid,
  type JwtAuthorizeOptions,
  type JwtKey,
  readJwksUrl,
  readKey,
} from "./jwt-options.ts";

/**
 * Checks signature, times, issuer and audience. Resolves with the payload, or `undefined` for an invalid
 * token.
 *
 * @throws SseBusError `AUTHORIZATION_UNAVAILABLE` when the issuer's keys cannot be loaded
 */
export type VerifyToken = (token: string) => Promise<JWTPayload | undefined>;

/** @throws SseBusError `INVALID_OPTION` */
export function createVerifier(options: JwtAuthorizeOptions): VerifyToken {
  const { issuer, audience, clockToleranceMs = 0 } = options;
  const key = readKeyOrJwks(options);
  const checks: JWTVerifyOptions = {
    algorithms: [...(options.algorithms ?? defaultAlgorithms(key))],
    clockTolerance: clockToleranceMs / 1000,
    ...(issuer !== undefined && { issuer: list(issuer) }),
    ...(audience !== undefined && { audience: list(audience) }),
  };

  return async (token) => {
    try {
      return (await jwtVerify(token, key, checks)).payload;
    } catch (error) {
      if (error instanceof SseBusError) throw error;
      if (codeOf(error) !== "ERR_JWKS_MULTIPLE_MATCHING_KEYS") return undefined;
      return tryAll(token, error as AsyncIterable<CryptoKey>, checks);
    }
  };
}

function readKeyOrJwks({
  key,
  jwksUrl,
}: JwtAuthorizeOptions): Exclude<JwtKey, string> | JWTVerifyGetKey {
  if (key !== undefined && jwksUrl === undefined) return readKey(key);
  if (key === undefined && jwksUrl !== undefined) return remoteKeys(readJwksUrl(jwksUrl));
  throw invalid("jwtAuthorize takes either `key` or `jwksUrl`.");
}

/** Errors of the token itself. Any other failure to find its key is one of the issuer or the network. */
const TOKEN_FAULTS = new Set([
  "ERR_JOSE_NOT_SUPPORTED",
  "ERR_JWKS_MULTIPLE_MATCHING_KEYS",
  "ERR_JWKS_NO_MATCHING_KEY",
]);

/** After a failure the issuer is not asked again for this long: anybody can send tokens of unknown keys. */
const FAILURE_MS = 5000;

function remoteKeys(url: URL): JWTVerifyGetKey {
  const find = createRemoteJWKSet(url);
  let failure: { readonly error: SseBusError; readonly until: number } | undefined;

  function failed(cause: unknown): SseBusError {
    // Requests that waited for the same answer share the error, which is then reported once.
    if (failure && performance.now() < failure.until) return failure.error;
    const message = `The keys at ${url.origin} could not be loaded, so tokens cannot be checked. Retry later, or fix \`jwksUrl\`.`;
    const error = new SseBusError("AUTHORIZATION_UNAVAILABLE", message, { cause });
    failure = { error, until: performance.now() + FAILURE_MS };
    return error;
  }

  return async (header, token) => {
    const recent = failure && performance.now() < failure.until ? failure.error : undefined;
    try {
      if (!recent) return await find(header, token);
      const known = find.fresh ? find.jwks() : undefined;
      if (!known) throw recent;
      return await createLocalJWKSet(known)(header, token);
    } catch (cause) {
      if (recent && codeOf(cause) === "ERR_JWKS_NO_MATCHING_KEY") throw recent;
      if (cause === recent || TOKEN_FAULTS.has(codeOf(cause) ?? "")) throw cause;
      throw failed(cause);
    }
  };
}

/** A token without `kid` from an issuer with several keys: each of them may have signed it. */
async function tryAll(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  checks: JWTVerifyOptions,
): Promise<JWTPayload | undefined> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, checks)).payload;
    } catch (error) {
      if (codeOf(error) !== "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") return undefined;
    }
  }
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

function list(value: string | readonly string[]): string[] {
  return typeof value === "string" ? [value] : [...value];
}
