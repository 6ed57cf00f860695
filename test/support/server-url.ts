import { type Program, type ProgramName, programs } from "./programs.ts";

/** A server that may be shared: tests must not stop, empty or fill it. */
export interface ServerUrl extends AsyncDisposable {
  readonly url: string;
}

/** The server whose URL is in the environment, or else a started one. */
export async function serverUrl(
  name: ProgramName,
  start: () => Promise<ServerUrl>,
): Promise<ServerUrl> {
  const url = givenUrl(name);
  if (url === undefined) return start();
  return { url, async [Symbol.asyncDispose]() {} };
}

/** The URL of a server in the environment, if any. */
export function givenUrl(name: ProgramName): string | undefined {
  const { urlVariable }: Program = programs[name];
  const url = urlVariable === undefined ? undefined : process.env[urlVariable];
  return url === "" ? undefined : url;
}
