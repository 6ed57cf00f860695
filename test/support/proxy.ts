import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { findProgram } from "./find-program.ts";
import { freePort } from "./ports.ts";
import { type ProcessOptions, startProcess } from "./processes.ts";
import type { ProgramName } from "./programs.ts";
import { type Restartable, restartable } from "./restartable.ts";
import { tempFolder } from "./temp-folder.ts";

export interface ProxyDefinition {
  readonly program: ProgramName;
  /** The configuration's text, for a proxy that listens on `port` on 127.0.0.1. */
  readonly config: (at: { readonly port: number; readonly folder: string }) => string;
  readonly args: (at: {
    readonly port: number;
    readonly folder: string;
    readonly file: string;
  }) => readonly string[];
  readonly env?: (folder: string) => ProcessOptions["env"];
}

/** Starts a reverse proxy from a configuration written for this one start. */
export async function startProxy(definition: ProxyDefinition): Promise<Restartable> {
  const program = await findProgram(definition.program);
  const port = await freePort();
  const temp = await tempFolder(definition.program);
  const at = { port, folder: temp.path, file: join(temp.path, "config") };
  await writeFile(at.file, definition.config(at));
  return restartable({
    port,
    url: `http://127.0.0.1:${port}`,
    launch: async () =>
      startProcess(program, definition.args(at), {
        ready: port,
        env: definition.env?.(at.folder) ?? {},
      }),
    dispose: async () => temp[Symbol.asyncDispose](),
  });
}
