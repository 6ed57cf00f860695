import { type Program, type ProgramName, programs } from "./programs.ts";

/** A server to talk to, which is perhaps somebody else's: not to be stopped, emptied or filled. */
export interface ServerUrl extends AsyncDisposable {
  readonly url: string;
}

/** The server whose URL the environment gives, or else a started one. */
export async function serverUrl(
  name: ProgramName,
  start: () => Promise<ServerUrl>,
): Promise<ServerUrl> {
  const url = givenUrl(name);
  if (url === undefined) return start();
  return { url, async [Symbol.asyncDispose]() {} };
}

/** The URL that the environment gives for a server, if any. */
export function givenUrl(name: ProgramName): string | undefined {
  const { urlVariable }: Program = programs[name];
  const url = urlVariable === undefined ? undefined : process.env[urlVariable];
  return url === "" ? undefined : url;
}
