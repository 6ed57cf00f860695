import { readFile } from "node:fs/promises";
import {
  DockerfileParser,
  ModifiableInstruction,
  type Env,
  type From,
  type Instruction,
} from "dockerfile-ast";

/** One `FROM` of a Dockerfile with what follows it. */
export interface Stage {
  readonly name: string | undefined;
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  readonly steps: readonly Step[];
}

export interface Step {
  /** In capitals. */
  readonly keyword: string;
  /** Flags such as `--from=build`, by name. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the flags. */
  readonly text: string;
  /** The same as words: of the JSON form, of a `COPY`, or separated by spaces. */
  readonly words: readonly string[];
  readonly isJson: boolean;
  /** The variables of an `ENV`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Reads the stages of a Dockerfile, with the defaults of its arguments filled in. */
export async function readDockerfile(file: string): Promise<Stage[]> {
  const dockerfile = DockerfileParser.parse(await readFile(file, "utf8"));
  const defaults: Record<string, string> = {};
  const stages: (Stage & { steps: Step[] })[] = [];
  for (const instruction of dockerfile.getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === "ARG" && stages.length === 0) {
      const [name = "", value = ""] = instruction.getArgumentsContent()?.split("=") ?? [];
      defaults[name] = value;
    } else if (keyword === "FROM") {
      const from = instruction as From;
      const image = from.getImage() ?? "";
      stages.push({
        name: from.getBuildStage() ?? undefined,
        from: image.replace(/^\$\{(\w+)\}$/, (_, name: string) => defaults[name] ?? ""),
        steps: [],
      });
    } else {
      stages.at(-1)?.steps.push(readStep(keyword, instruction));
    }
  }
  return stages;
}

function readStep(keyword: string, instruction: Instruction): Step {
  // Without the flags.
  const text = instruction.getArgumentsContent() ?? "";
  const command = keyword === "HEALTHCHECK" ? text.replace(/^CMD\s+/, "") : text;
  const isJson = command.startsWith("[");
  return {
    keyword,
    flags: flagsOf(instruction),
    text,
    words: isJson ? (JSON.parse(command) as string[]) : command.split(/\s+/),
    isJson,
    variables: keyword === "ENV" ? variablesOf(instruction as Env) : {},
  };
}

function flagsOf(instruction: Instruction): Record<string, string> {
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  return Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ""]));
}

const variablesOf = (instruction: Env): Record<string, string> =>
  Object.fromEntries(
    instruction.getProperties().map((each) => [each.getName(), each.getValue() ?? ""]),
  );

/** The last step of a kind, which is the one that counts. */
export const lastOf = (stage: Stage, keyword: string): Step | undefined =>
  stage.steps.findLast((step) => step.keyword === keyword);
