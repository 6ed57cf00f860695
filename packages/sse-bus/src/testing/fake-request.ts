/** A request that a fake stream received. */
export interface FakeRequest {
  readonly url: URL;
  readonly headers: Headers;
  /** The channels and patterns that it asks for. */
  readonly channels: readonly string[];
  /** Where it wants to start: its `Last-Event-ID`, else its `from`. */
  readonly from: string | undefined;
}

export function readRequest(input: RequestInfo | URL, init: RequestInit | undefined): FakeRequest {
  const isRequest = typeof input === "object" && "url" in input;
  const url = new URL(isRequest ? input.url : String(input));
  const headers = new Headers(init?.headers ?? (isRequest ? input.headers : undefined));
  const asked = url.searchParams.getAll("channel");
  return {
    url,
    headers,
    channels: asked.length > 0 ? asked : ["default"],
    from: headers.get("last-event-id") ?? url.searchParams.get("from") ?? undefined,
  };
}
