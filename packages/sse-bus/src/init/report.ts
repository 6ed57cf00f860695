import * as util from "node:util";
import { REPOSITORY } from "../core/error-page.ts";
import type { NextApp } from "./find-app.ts";
import { type CommandLine, commandText, type PackageManager } from "./package-manager.ts";
import type { Plan } from "./plan.ts";
import type { PlannedFile } from "./planned-file.ts";
import { createTwoFilesPatch } from "./vendor.ts";

type Color = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Colors text for a terminal; leaves it as it is for everything else. */
export type Paint = (color: Color, text: string) => string;

/** `styleText` came with Node.js 20.12. */
export function createPaint(isColored: boolean): Paint {
  const paint = isColored ? (util.styleText as typeof util.styleText | undefined) : undefined;
  return (color, text) => (paint ? paint(color, text, { validateStream: false }) : text);
}

const LABELS: Readonly<Record<PlannedFile["action"], readonly [string, Color]>> = {
  create: ["create", "green"],
  change: ["change", "yellow"],
  same: ["keep", "dim"],
  conflict: ["left", "red"],
  "by-hand": ["left", "red"],
};

/** What was found, in one line. */
export function appText(app: NextApp, { name }: PackageManager): string {
  const language = app.isTypeScript ? "TypeScript" : "JavaScript";
  return `${app.folder}: Next.js ${app.nextVersion}, App Router in ${app.appFolder}, ${language}, ${name}`;
}

/** What would be done, one line per file. */
export function planText(
  files: readonly PlannedFile[],
  add: CommandLine | undefined,
  paint: Paint,
): string {
  const width = Math.max(...files.map(({ path }) => path.length));
  const lines = files.map(({ action, path, purpose }) => {
    const [label, color] = LABELS[action];
    return `  ${paint(color, label.padEnd(7))} ${path.padEnd(width)}  ${paint("dim", purpose)}`;
  });
  if (add) lines.push(`  ${paint("cyan", "run".padEnd(7))} ${commandText(add)}`);
  return `${lines.join("\n")}\n`;
}

/** The changes as a unified diff, which `patch -p1` and `git apply` accept. */
export function diffText(files: readonly PlannedFile[], paint: Paint): string {
  const patches = files.map(({ action, path, before, after }) => {
    const from = action === "create" ? "/dev/null" : `a/${path}`;
    const patch = createTwoFilesPatch(from, `b/${path}`, before, after);
    return patch.replace(/^=+\n/, "");
  });
  return patches
    .join("")
    .split("\n")
    .map((line) => {
      if (/^(\+\+\+|---) /.test(line)) return paint("bold", line);
      if (line.startsWith("+")) return paint("green", line);
      if (line.startsWith("-")) return paint("red", line);
      return line.startsWith("@@") ? paint("cyan", line) : line;
    })
    .join("\n");
}

/** The files that a person has to change, with the code for them. */
export function leftText(files: readonly PlannedFile[], paint: Paint): string {
  return files
    .map(({ action, path, reason, after }) => {
      const advice =
        action === "conflict"
          ? "To replace it, run again with --overwrite, or write yourself:"
          : /(^|\/)instrumentation\./.test(path)
            ? "Add this to its `register`, which must be async:"
            : "The code is:";
      const code = after.trimEnd().replaceAll(/^(?=.)/gm, "    ");
      return `${paint("yellow", path)} was left alone: ${reason}. ${advice}\n\n${code}\n`;
    })
    .join("\n");
}

/** What to do next. */
export function nextSteps(
  app: NextApp,
  {
    plan,
    manager,
    isMissing,
    page,
  }: { plan: Plan; manager: PackageManager; isMissing: boolean; page: boolean },
): string {
  const script = app.manifest.scripts?.["dev"] ?? "";
  const port = /(?:-p|--port)[ =]?(\d+)/.exec(script)?.[1] ?? "3000";
  const url = `http://localhost:${port}${app.config.basePath ?? ""}`;
  const steps = [
    ...(manager.add && isMissing ? [`Add the package:  ${commandText(manager.add)}`] : []),
    `Start the app:    ${commandText(manager.dev)}`,
    ...(page ? [`Open the page:    ${url}${plan.pageUrl}`] : []),
    `Publish:          curl "${url}/api/publish?msg=HelloWorld"`,
  ];
  return `Next:
${steps.map((step, index) => `  ${index + 1}. ${step}`).join("\n")}

Publish from your own code on the server:
  import { publish } from "${plan.busImport}";
  await publish({ total: 42 });

Before production:
  Every visitor can read every channel until you pass \`authorize\` to createSseRoute.
  /api/publish answers 403 in production until you set SSE_BUS_PUBLISH_TOKEN.
  Several servers share one log if you set SSE_BUS_URL to redis://, nats:// or postgres://.

Make a live page of your own, in five minutes:
  ${REPOSITORY}/blob/main/docs/quickstart.md#3-define-a-live-value
`;
}
