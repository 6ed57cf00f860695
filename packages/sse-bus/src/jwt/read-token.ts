import type { AuthorizeContext } from "../http/authorize.ts";

export interface TokenSources {
  readonly cookie: string | false;
  readonly queryParameter: string | undefined;
}

/** The token of a request: from the header, the cookie or the query parameter, whichever is present first. */
export function readToken(
  { request, action }: Pick<AuthorizeContext, "request" | "action">,
  { cookie, queryParameter }: TokenSources,
): string | undefined {
  const authorization = request.headers.get("authorization");
  // Credentials of another scheme are not skipped in favour of a cookie: the sender meant them.
  if (authorization !== null) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  const fromCookie = cookie === false ? undefined : readCookie(request, cookie);
  if (fromCookie !== undefined) return fromCookie;
  // Publishers can send headers. The trigger also broadcasts its query, which must not contain a token.
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
