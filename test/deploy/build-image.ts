import { chown, cp, mkdir, readFile, rename } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import dockerignore from "@balena/dockerignore";
import { runProcess } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { lastOf, readDockerfile, type Stage, type Step } from "./dockerfile.ts";

/** What a Dockerfile describes, built in a folder instead of an image. */
export interface Image extends AsyncDisposable {
  /** The folder of `WORKDIR`. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** `ENTRYPOINT` and `CMD`. */
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number };
}

interface Built {
  readonly root: string;
  workdir: string;
  readonly env: Record<string, string>;
}

/**
 * Carries out the Dockerfile of a folder without a container engine: each stage is a folder, `COPY` obeys
 * .dockerignore, and each `RUN` is run in its `WORKDIR`. It has the tools of this machine instead of those of the
 * base image.
 */
export async function buildImage(context: string): Promise<Image> {
  const temp = await tempFolder("image");
  const stages = await readDockerfile(join(context, "Dockerfile"));
  const built = new Map<string, Built>();
  let last: Built | undefined;
  for (const [index, stage] of stages.entries()) {
    const root = join(temp.path, String(index));
    const base = built.get(stage.from);
    // No other stage copies from one that another one continues.
    if (base) await rename(base.root, root);
    else await mkdir(root);
    last = { root, workdir: base?.workdir ?? "/", env: { ...base?.env } };
    for (const step of stage.steps) await carryOut(step, last, { context, built });
    built.set(stage.name ?? String(index), last);
  }
  const final = stages.at(-1) as Stage;
  const [uid = 0, gid = 0] = (lastOf(final, "USER")?.words[0] ?? "").split(":").map(Number);
  return {
    folder: inside(last as Built),
    env: (last as Built).env,
    command: [
      ...(lastOf(final, "ENTRYPOINT")?.words ?? []),
      ...(lastOf(final, "CMD")?.words ?? []),
    ],
    healthcheck: lastOf(final, "HEALTHCHECK")?.words ?? [],
    user: { uid, gid },
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };
}

const inside = ({ root, workdir }: Built, path = "."): string =>
  path.startsWith("/") ? join(root, path) : join(root, workdir, path);

interface Surroundings {
  readonly context: string;
  readonly built: ReadonlyMap<string, Built>;
}

async function carryOut(step: Step, image: Built, around: Surroundings): Promise<void> {
  if (step.keyword === "WORKDIR") {
    image.workdir = step.text;
    await mkdir(inside(image), { recursive: true });
  } else if (step.keyword === "ENV") {
    Object.assign(image.env, step.variables);
  } else if (step.keyword === "RUN") {
    await runProcess("/bin/sh", ["-ec", step.text], {
      cwd: inside(image),
      env: { ...image.env, HOME: process.env["HOME"] },
      timeoutMs: 480_000,
    });
  } else if (step.keyword === "COPY") {
    await copy(step, image, around);
  }
}

async function copy({ words, flags }: Step, image: Built, { context, built }: Surroundings) {
  const target = words.at(-1) as string;
  const stage = built.get(flags["from"] ?? "");
  if (flags["from"] && !stage) throw new Error(`No stage ${flags["from"]}`);
  const ignored = dockerignore
    .default()
    .add(await readFile(join(context, ".dockerignore"), "utf8"));
  for (const word of words.slice(0, -1)) {
    const source = stage ? inside(stage, word) : join(context, word);
    // Of a folder, its contents are copied; a file is copied into a folder that ends with a slash.
    const isFile = !stage && word !== ".";
    const to = inside(image, isFile ? join(target, basename(word)) : target);
    await mkdir(dirname(to), { recursive: true });
    await cp(source, to, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => {
        const name = relative(context, path);
        return stage !== undefined || name === "" || !ignored.ignores(name);
      },
    });
    if (flags["chown"])
      await chown(to, ...(flags["chown"].split(":").map(Number) as [number, number]));
  }
}
