import type { Hub } from "./create-hub.ts";

/** Listens on `--host` and `--port`, and returns the URL. An error names both, and what to do. */
export async function listenOrExplain(
  hub: Hub,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    return await hub.listen(port, host);
  } catch (cause) {
    const { code = "" } = cause as { code?: string };
    const remedy = REMEDIES[code];
    if (remedy === undefined) throw cause;
    throw new Error(`--host ${host} --port ${port} cannot be listened on (${code}): ${remedy}`, {
      cause,
    });
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: "this user may not; choose a --port of 1024 or more.",
  EADDRINUSE: "another program does; stop it, or choose another --port.",
  EADDRNOTAVAIL: "this machine has no such address; choose another --host.",
  EAI_AGAIN: "the name cannot be resolved now; give --host an address.",
  ENOTFOUND: "there is no such name; give --host an address.",
};
