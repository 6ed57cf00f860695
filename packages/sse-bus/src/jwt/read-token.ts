import type { AuthorizeContext } from "../http/authorize.ts";

export interface TokenSources {
  readonly cookie: string | false;
  readonly queryParameter: string | undefined;
}

/** The token of a request: the first of header, cookie and query parameter that is there at all. */
export function readToken(
  { request, action }: Pick<AuthorizeContext, "request" | "action">,
  { cookie, queryParameter }: TokenSources,
): string | undefined {
  const authorization = request.headers.get("authorization");
  // Another scheme's credentials are not ours to pass over: the sender meant them to count.
  if (authorization !== null) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  const fromCookie = cookie === false ? undefined : readCookie(request, cookie);
  if (fromCookie !== undefined) return fromCookie;
  // Publishers can send headers; and the trigger broadcasts its query, which must hold no token.
  if (queryParameter === undefined || action !== "subscribe") return undefined;
  return new URL(request.url).searchParams.get(queryParameter) ?? undefined;
}

function readCookie({ headers }: Request, name: string): string | undefined {
  for (const pair of headers.get("cookie")?.split(";") ?? []) {
    const [own = "", ...value] = pair.split("=");
    if (own.trim() === name) return value.join("=").trim();
  }
  return undefined;
}
