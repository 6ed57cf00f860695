/** A short answer, before the server that sends it gives it the form that it needs. */
export interface HttpAnswer<Body = string | null> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `null`: none. */
  readonly body: Body;
}

/** Headers of an answer that is for this request alone. */
export const PRIVATE_HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
} as const;

export function jsonAnswer(
  value: unknown,
  headers: Readonly<Record<string, string>> = PRIVATE_HEADERS,
  status = 200,
): HttpAnswer {
  return {
    status,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(value),
  };
}

/** The answer as a web-standard response. */
export function toResponse({ body, ...init }: HttpAnswer<BodyInit | null>): Response {
  return new Response(body, init);
}

/**
 * As {@link toResponse}, with `Content-Length`, which some servers send only if it is given: they do not know the
 * end of a web stream.
 */
export function toSizedResponse({ status, headers, body }: HttpAnswer): Response {
  if (body === null) return toResponse({ status, headers, body });
  const bytes = new TextEncoder().encode(body);
  const sized = { ...headers, "Content-Length": `${bytes.length}` };
  return toResponse({ status, headers: sized, body: bytes });
}
