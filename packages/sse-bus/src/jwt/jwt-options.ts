import type { CryptoKey, JWK, JWTPayload, KeyObject } from "jose";
import { SseBusError } from "../core/errors.ts";
import { publicTextProblem } from "./public-text.ts";

/** A shared secret, or a public key; PEM text is read with `importSPKI` of jose first. */
export type JwtKey = string | Uint8Array | CryptoKey | KeyObject | JWK;

/** The channels and patterns that a token allows, as in `{ "subscribe": ["orders/*"] }`. */
export interface JwtGrants {
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
}

/** Settings of `jwtAuthorize`. */
export interface JwtAuthorizeOptions {
  /** The key that verifies tokens: a secret of at least 32 bytes, or the issuer's public key. */
  readonly key?: JwtKey;
  /** Instead of `key`: where the issuer publishes its keys (RFC 7517 §5), such as `https://issuer/.well-known/jwks.json`. */
  readonly jwksUrl?: string | URL;
  /** The required issuer (`iss`). @default any */
  readonly issuer?: string | readonly string[];
  /** The required audience (`aud`). @default any */
  readonly audience?: string | readonly string[];
  /** Accepted signature algorithms. @default HS256, HS384, HS512 with a secret; else all asymmetric ones */
  readonly algorithms?: readonly string[];
  /** The claim that holds {@link JwtGrants}. @default "sse_bus" */
  readonly claim?: string;
  /** Reads the grants from tokens of another shape. @default the object under `claim` */
  readonly grants?: (payload: JWTPayload) => JwtGrants | undefined;
  /**
   * The claim that becomes the `info` of the client's identity, such as `name`, or an object of your own. Members
   * of a channel can see it. A value of more than 1 KiB of JSON denies access.
   * @default none
   */
  readonly infoClaim?: string;
  /** The cookie that may hold the token where there is no `Authorization` header; `false` for none. @default "sse_bus_token" */
  readonly cookie?: string | false;
  /**
   * A query parameter that may hold the token of a subscriber: a native `EventSource` cannot send headers. URLs
   * are logged by servers and proxies, so prefer the cookie, or tokens that are valid for seconds.
   * @default none
   */
  readonly queryParameter?: string;
  /** How far clocks may differ when `exp` and `nbf` are checked. @default 0 */
  readonly clockToleranceMs?: number;
}

const HMAC = ["HS256", "HS384", "HS512"];
const ASYMMETRIC = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
const MIN_SECRET_BYTES = 32;

/**
 * The algorithms to accept with a key. Never both kinds: an attacker could sign with HMAC and the public key, which
 * everybody knows, as the secret.
 */
export function defaultAlgorithms(key: unknown): string[] {
  return isSecret(key) ? HMAC : ASYMMETRIC;
}

/** @throws SseBusError `INVALID_OPTION` */
export function readKey(key: JwtKey): Exclude<JwtKey, string> {
  const given = typeof key === "string" ? new TextEncoder().encode(key) : key;
  const problem = given instanceof Uint8Array ? publicTextProblem(given) : undefined;
  if (problem !== undefined) throw invalid(`\`key\` is ${problem}`);
  const bytes = secretBytes(given);
  if (bytes !== undefined && !(bytes >= MIN_SECRET_BYTES)) {
    // RFC 7518 §3.2: a shorter secret can be found from one captured token.
    throw invalid(
      `\`key\` is a secret of ${bytes} bytes, and must have at least ${MIN_SECRET_BYTES}: make one with \`openssl rand -base64 32\`.`,
    );
  }
  return given;
}

/** The length of a secret, in whatever form; `undefined` for a public key. */
function secretBytes(key: Exclude<JwtKey, string>): number | undefined {
  if (!isSecret(key)) return undefined;
  if (key instanceof Uint8Array) return key.length;
  // Base64url (RFC 7518 §6.4.1): six bits a character. One that says nothing of the kind is empty.
  if ("kty" in key) return Math.floor(((key.k?.replaceAll("=", "").length ?? 0) * 6) / 8);
  const { symmetricKeySize, algorithm } = key as {
    symmetricKeySize?: number;
    algorithm?: { readonly length?: number };
  };
  return symmetricKeySize ?? (algorithm?.length ?? 0) / 8;
}

/** @throws SseBusError `INVALID_OPTION` */
export function readJwksUrl(jwksUrl: string | URL): URL {
  if (!URL.canParse(String(jwksUrl))) throw invalid("`jwksUrl` must be an absolute URL.");
  const url = new URL(jwksUrl);
  if (url.username !== "" || url.password !== "") {
    // `fetch` refuses such a URL, and its error quotes it.
    throw invalid("`jwksUrl` contains a user or password: give it without them.");
  }
  const isLocal = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return url;
  throw invalid(
    "`jwksUrl` must be https: over http an attacker could replace the keys, and sign tokens.",
  );
}

export function invalid(message: string): SseBusError {
  return new SseBusError("INVALID_OPTION", message);
}

function isSecret(key: unknown): boolean {
  if (key instanceof Uint8Array) return true;
  if (typeof key !== "object" || key === null) return false;
  // A JWK says it by `kty`, a CryptoKey and a KeyObject by `type`.
  return ("kty" in key && key.kty === "oct") || ("type" in key && key.type === "secret");
}
