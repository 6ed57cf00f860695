import type { CryptoKey, JWK, JWTPayload, KeyObject } from "jose";
import { SseBusError } from "../core/errors.ts";

/** A shared secret, or a public key; PEM text is read with `importSPKI` of jose first. */
export type JwtKey = string | Uint8Array | CryptoKey | KeyObject | JWK;

/** What a token lets its bearer do: channels and patterns, as in `{ "subscribe": ["orders/*"] }`. */
export interface JwtGrants {
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
}

/** Settings of `jwtAuthorize`. */
export interface JwtAuthorizeOptions {
  /** What tokens are signed with: a secret of at least 32 bytes, or the issuer's public key. */
  readonly key?: JwtKey;
  /** Or where the issuer publishes its keys (RFC 7517 §5), such as `https://issuer/.well-known/jwks.json`. */
  readonly jwksUrl?: string | URL;
  /** Who must have issued the token (`iss`). @default anybody who has the key */
  readonly issuer?: string | readonly string[];
  /** Whom the token must be for (`aud`). @default anybody */
  readonly audience?: string | readonly string[];
  /** Signature algorithms. @default HS256, HS384, HS512 with a secret; else all asymmetric ones */
  readonly algorithms?: readonly string[];
  /** The claim that holds {@link JwtGrants}. @default "sse_bus" */
  readonly claim?: string;
  /** Reads what a token grants, for tokens of another shape. @default the object under `claim` */
  readonly grants?: (payload: JWTPayload) => JwtGrants | undefined;
  /** The cookie that may hold the token where there is no `Authorization` header; `false` for none. @default "sse_bus_token" */
  readonly cookie?: string | false;
  /**
   * A query parameter that may hold the token of a subscriber, since a native `EventSource` sends no
   * headers of its own. Addresses end up in logs: prefer the cookie, or tokens that live for seconds.
   * @default none
   */
  readonly queryParameter?: string;
  /** How far clocks may differ when `exp` and `nbf` are looked at. @default 0 */
  readonly clockToleranceMs?: number;
}

const HMAC = ["HS256", "HS384", "HS512"];
const ASYMMETRIC = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
const MIN_SECRET_BYTES = 32;

/**
 * The algorithms to accept with a key: never both kinds, or a public key, which everybody has, could
 * be taken for the secret of an HMAC.
 */
export function defaultAlgorithms(key: unknown): string[] {
  return isSecret(key) ? HMAC : ASYMMETRIC;
}

/** @throws SseBusError `INVALID_OPTION` */
export function readKey(key: JwtKey): Exclude<JwtKey, string> {
  const given = typeof key === "string" ? new TextEncoder().encode(key) : key;
  if (given instanceof Uint8Array && new TextDecoder().decode(given).includes("-----BEGIN")) {
    throw invalid(
      "`key` is PEM text, not a secret: give `await importSPKI(pem, algorithm)` of jose.",
    );
  }
  const bytes = secretBytes(given);
  if (bytes !== undefined && !(bytes >= MIN_SECRET_BYTES)) {
    // RFC 7518 §3.2: a key as long as the hash, or a captured token gives the secret away.
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
  const isLocal = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return url;
  throw invalid(
    "`jwksUrl` must be https: whoever can change the keys on their way can sign tokens.",
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
