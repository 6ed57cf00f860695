import { isEqualText } from "../http/publish-access.ts";
import type { InspectorAuthorize } from "./inspector-options.ts";

/**
 * Lets in clients that know a token: browsers ask for it as the password of any user, programs send it as
 * `Authorization: Bearer`. Returns `undefined` without a token, so that the inspector is open in development and closed
 * in production.
 *
 * @example
 * ```ts
 * const authorize = tokenAuthorize(process.env.SSE_BUS_INSPECTOR_TOKEN);
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createInspectorRoute({ bus, authorize });
 * ```
 */
export function tokenAuthorize(token: string | undefined): InspectorAuthorize | undefined {
  if (!token) return undefined;
  const decide: InspectorAuthorize = ({ request }) => {
    const given = readToken(request.headers.get("authorization") ?? "");
    return given !== undefined && isEqualText(given, token) ? true : 401;
  };
  return Object.assign(decide, { challenge: 'Basic realm="sse-bus inspector", charset="UTF-8"' });
}

function readToken(authorization: string): string | undefined {
  const space = authorization.indexOf(" ");
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === "bearer") return value;
  return scheme === "basic" ? passwordOf(value) : undefined;
}

/** The password of Basic credentials (RFC 7617): what follows the first colon. */
function passwordOf(credentials: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(credentials), (character) => character.charCodeAt(0));
    const text = new TextDecoder().decode(bytes);
    const colon = text.indexOf(":");
    return colon < 0 ? undefined : text.slice(colon + 1);
  } catch {
    return undefined;
  }
}
