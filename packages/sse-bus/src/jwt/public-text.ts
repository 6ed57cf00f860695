/**
 * Says why bytes that were given as a secret are none: a public key in some form, or text that many people know.
 * Everybody who knows the secret can sign tokens. `undefined` if nothing is wrong.
 */
export function publicTextProblem(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes).trim();
  const rule = RULES.find(({ matches }) => matches(text, bytes));
  return rule && `${rule.what}, not a secret: ${rule.remedy}.`;
}

interface Rule {
  readonly matches: (text: string, bytes: Uint8Array) => boolean;
  readonly what: string;
  readonly remedy: string;
}

const GIVE_KEY = "give `await importSPKI(pem, algorithm)` of jose, or to the hub PEM text";

const RULES: readonly Rule[] = [
  {
    matches: (text) => text.includes("-----BEGIN"),
    what: "PEM text",
    remedy: "give `await importSPKI(pem, algorithm)` of jose",
  },
  {
    matches: (text, bytes) => isDerKey(bytes) || isDerKey(decodeBase64(text)),
    what: "a key or certificate in DER form, such as PEM text without its BEGIN line",
    remedy: GIVE_KEY,
  },
  {
    matches: isJwkText,
    what: "a JWK or JWKS as text",
    remedy: "give the JWK as an object, to the hub the public key as PEM text, or use `jwksUrl`",
  },
  {
    matches: (text) => /^[a-z][a-z\d+.-]*:\/\/\S*$/i.test(text),
    what: "a URL",
    remedy: "give the address of an issuer's keys as `jwksUrl`",
  },
  {
    matches: (text) => /(?:^|\s)AAAA(?:[BC]3NzaC1|E2VjZHNh|[GI]nNr)/.test(text) || SSH.test(text),
    what: "a public key of SSH",
    remedy: "convert it with `ssh-keygen -e -m PKCS8`, and import its PEM text",
  },
  {
    matches: (text) => PATH.test(text),
    what: "the name of a file",
    remedy: "give what the file contains",
  },
  {
    matches: (_, bytes) => bytes.length > 1 && bytes.every((byte) => byte === bytes[0]),
    what: "one repeated character",
    remedy: "make one with `openssl rand -base64 32`",
  },
];

const SSH = /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+\s+\S+/;
/** A secret in base64 may begin with a slash, but has no file extension. */
const PATH = /^(?:[~.]{0,2}[/\\]|[a-z]:[/\\])\S*\.(?:pem|key|pub|crt|cer|der|jwks?|json|txt)$/i;

function isJwkText(text: string): boolean {
  if (!text.startsWith("{") && !text.startsWith("[")) return false;
  try {
    const parsed: unknown = JSON.parse(text);
    return [parsed]
      .flat()
      .some((one) => typeof one === "object" && one !== null && ("kty" in one || "keys" in one));
  } catch {
    return false;
  }
}

function decodeBase64(text: string): Uint8Array {
  const plain = text
    .replaceAll(/\\n|\s/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  try {
    return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * Whether these bytes are one ASN.1 SEQUENCE that begins with a SEQUENCE (SPKI, RFC 5280 §4.1) or an INTEGER
 * (PKCS#1, RFC 8017 §A.1.1). The lengths make a random secret of that form unlikely (1 in 100 million).
 */
function isDerKey(bytes: Uint8Array): boolean {
  if (bytes[0] !== SEQUENCE) return false;
  const outer = readLength(bytes, 1);
  if (outer.end !== bytes.length) return false;
  const tag = bytes[outer.start];
  if (tag !== SEQUENCE && tag !== INTEGER) return false;
  const inner = readLength(bytes, outer.start + 1);
  return inner.end > inner.start && inner.end < bytes.length;
}

/** The length octets of X.690 §8.1.3 at `at`, as the range of the contents. */
function readLength(bytes: Uint8Array, at: number): { start: number; end: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { start: at + 1, end: at + 1 + first };
  const start = at + 1 + (first & 0x7f);
  const length = bytes.subarray(at + 1, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return { start, end: start + length };
}
