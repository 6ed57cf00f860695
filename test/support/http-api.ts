/** The response to `POST /api/publish`; see PROTOCOL.md. */
export interface Published {
  readonly id: string;
  readonly channel: string;
  readonly time: number;
}

export interface PublishBody {
  readonly data: unknown;
  readonly channel?: string;
  readonly event?: string;
  readonly key?: string;
  readonly id?: string;
}

/** The response to `GET /api/health`; see PROTOCOL.md. */
export interface Health {
  readonly status: string;
  readonly backend: string;
  readonly connections: number;
  readonly channels: number;
}

/** Publishes through the app's route. Rejects unless the status is 200. */
export async function publish(origin: string, body: PublishBody): Promise<Published> {
  const response = await fetch(`${origin}/api/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`Publishing answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Published;
}

/** Reads the app's health, whatever its status. */
export async function health(origin: string): Promise<Health> {
  const response = await fetch(`${origin}/api/health`);
  return (await response.json()) as Health;
}
