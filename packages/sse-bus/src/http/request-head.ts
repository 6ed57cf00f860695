/** The part of a request that is enough to route, refuse and answer it; a web `Request` is one. */
export interface RequestHead {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** The target as it was sent, where it is known. Reading the query from it is cheaper than building a URL. */
  readonly target?: string;
  readonly headers: { get(name: string): string | null };
}

/** The query of a request's URL. */
export function queryOf({ target, url }: RequestHead): URLSearchParams {
  const [rest = ""] = (target ?? url).split("#");
  const start = rest.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : rest.slice(start + 1));
}
