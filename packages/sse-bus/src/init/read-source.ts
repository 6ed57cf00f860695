import { readFile } from "node:fs/promises";

/** Keeps a byte order mark, so that the file is written back with it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a file; `undefined` if it is not there, and why if it cannot be read. In text that is not UTF-8, some
 * characters would be others after it is written back.
 */
export async function readSource(path: string): Promise<string | undefined | Error> {
  let bytes;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (NOT_THERE.has(code)) return undefined;
    return new Error(`it cannot be read (${code})`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    return new Error("it is not UTF-8");
  }
}

/** ELOOP: a symbolic link that leads to itself. */
const NOT_THERE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);
