import type { InspectorData } from "../inspector.ts";

/** The inspector's own URL, without the credentials that a browser may keep in the page's. */
export const ownUrl: string = location.origin + location.pathname;

/** A request that the server has refused. */
export class RequestFailed extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** @throws RequestFailed, or TypeError if the server cannot be reached */
export async function readData(signal: AbortSignal): Promise<InspectorData> {
  return send(ownUrl, { headers: { Accept: "application/json" }, signal });
}

/** @throws RequestFailed, TypeError */
export async function act<Answer>(
  action: "publish" | "disconnect",
  body: unknown,
): Promise<Answer> {
  return send(`${ownUrl}?action=${action}`, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** What went wrong, for people. */
export function explain(error: unknown): string {
  if (!(error instanceof RequestFailed)) return "The server cannot be reached.";
  return error.code === "" ? error.message : `${error.message} (${error.code})`;
}

async function send<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { ...init, cache: "no-store" });
  if (response.ok) return (await response.json()) as Answer;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  const { code = "", detail = `The server answered ${response.status}.` } = problem;
  throw new RequestFailed(response.status, code, detail);
}
