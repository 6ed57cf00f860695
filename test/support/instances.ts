import { join } from "node:path";
import { freePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import { repository } from "./repository.ts";
import { type Restartable, restartable } from "./restartable.ts";

/** Instances of an application, each in a process of its own. */
export interface Instances extends AsyncDisposable {
  readonly instances: readonly Restartable[];
}

const INSTANCES = 3;

/**
 * Starts three processes of a program, which listens on `PORT` and then writes a line with "listening".
 *
 * @param program relative to the repository
 */
export async function startInstances(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<Instances> {
  const args = [join(repository, program)];
  const start = async (): Promise<Restartable> => {
    const port = await freePort();
    const options = { env: { ...env, PORT: String(port) }, ready: /listening/ };
    return restartable({
      port,
      url: `http://127.0.0.1:${port}`,
      launch: async () => startProcess(process.execPath, args, options),
    });
  };
  const instances = await Promise.all(Array.from({ length: INSTANCES }, start));
  return {
    instances,
    async [Symbol.asyncDispose]() {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    },
  };
}
