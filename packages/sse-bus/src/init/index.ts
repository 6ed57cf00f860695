import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findApp } from "./find-app.ts";
import { InitError } from "./init-error.ts";
import { type InitOptions, readInitOptions } from "./init-options.ts";
import { commandText, packageManagerOf } from "./package-manager.ts";
import { planChanges } from "./plan.ts";
import type { PlannedFile } from "./planned-file.ts";
import { readSource } from "./read-source.ts";
import { appText, createPaint, diffText, leftText, nextSteps, planText } from "./report.ts";
import type { InitHost } from "./terminal-host.ts";

export { terminalHost } from "./terminal-host.ts";

/** `sse-bus init`: resolves with the exit code. */
export async function init(args: readonly string[], host: InitHost): Promise<number> {
  try {
    return await run(readInitOptions(args, host.cwd), host);
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    host.printError(`${error.message}\n`);
    return error.exitCode;
  }
}

async function run(options: InitOptions, host: InitHost): Promise<number> {
  const paint = createPaint(host.isColored);
  const app = await findApp(options.cwd);
  const manager = await packageManagerOf(app, host.packageManager);
  const templates = await host.templates();
  const plan = await planChanges(app, { templates, page: options.page });
  const add = options.install ? manager.add : undefined;
  const notes = plan.notes.map((note) => `${paint("yellow", "Note:")} ${note}\n\n`).join("");

  const planned = options.overwrite ? plan.files.map((file) => replaced(file)) : plan.files;
  host.print(`${appText(app, manager)}\n\n${planText(planned, add, paint)}\n`);
  if (options.isDryRun) {
    const diff = diffText(planned.filter(isWritten), paint);
    host.print(`${diff && `${diff}\n`}${notes}Nothing was written: --dry-run.\n`);
    return planned.some(isLeft) ? 1 : 0;
  }
  const needsAnswer =
    add !== undefined || planned.some((file) => isWritten(file) || isConflict(file));
  const files = needsAnswer && !options.yes ? await answered(planned, host) : planned;
  if (files === undefined) {
    host.print("Nothing was written.\n");
    return 1;
  }

  const written = files.filter(isWritten);
  for (const file of written) await write(app.folder, file);
  const left = files.filter(isLeft);
  if (written.length > 0) host.print(`${paint("green", counted(written))}\n\n`);
  else if (left.length > 0) host.print("Nothing was changed.\n\n");
  else host.print("Nothing to change: the files are there already.\n\n");

  let isMissing = manager.add !== undefined;
  if (add) {
    host.print(`$ ${commandText(add)}\n`);
    isMissing = !(await host.run(add, app.folder));
    if (isMissing) {
      host.printError(
        `\n${commandText(add)} failed: its output is above. Run it again yourself.\n`,
      );
    }
    host.print("\n");
  }
  if (left.length > 0) host.print(`${leftText(left, paint)}\n`);
  host.print(`${notes}${nextSteps(app, { plan, manager, isMissing, page: options.page })}`);
  return left.length > 0 || (add && isMissing) ? 1 : 0;
}

/** The files as the user wants them; `undefined` for nothing at all. */
async function answered(
  planned: readonly PlannedFile[],
  host: InitHost,
): Promise<readonly PlannedFile[] | undefined> {
  if (host.ask === undefined) {
    throw new InitError(
      "Nobody can answer here. To apply this, run again with --yes. To see the diff, run again with --dry-run.",
      2,
    );
  }
  const ask = await host.ask();
  const files: PlannedFile[] = [];
  for (const file of planned) {
    const answer = isConflict(file) && (await ask.replace(file.path));
    if (answer === "cancel") return undefined;
    files.push(answer ? replaced(file) : file);
  }
  for (;;) {
    const decision = await ask.decision();
    host.print("\n");
    if (decision !== "diff") return decision === "apply" ? files : undefined;
    host.print(`${diffText(files.filter(isWritten), createPaint(host.isColored))}\n`);
  }
}

const isWritten = ({ action }: PlannedFile): boolean => action === "create" || action === "change";
const isConflict = ({ action }: PlannedFile): boolean => action === "conflict";
const isLeft = ({ action }: PlannedFile): boolean => action === "conflict" || action === "by-hand";

function replaced(file: PlannedFile): PlannedFile {
  return isConflict(file) ? { ...file, action: "change" } : file;
}

async function write(folder: string, { path, action, before, after }: PlannedFile): Promise<void> {
  const target = join(folder, path);
  try {
    // The user may have edited it while the question was open.
    if (action === "change" && (await readSource(target)) !== before) {
      throw new Error("it has changed in the meantime");
    }
    await mkdir(dirname(target), { recursive: true });
    // A file that appeared since the plan is not replaced.
    await writeFile(target, after, { flag: action === "create" ? "wx" : "w" });
  } catch (error) {
    throw new InitError(
      `${path} cannot be written: ${(error as Error).message}. What was written before stays: correct this, and run the command again.`,
    );
  }
}

function counted(files: readonly PlannedFile[]): string {
  const created = files.filter(({ action }) => action === "create").length;
  const parts = [`${created} created`, `${files.length - created} changed`];
  return `Files: ${parts.filter((part) => !part.startsWith("0")).join(", ")}.`;
}
