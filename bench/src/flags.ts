import { parseArgs } from "node:util";

export interface Flags {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly only: readonly string[] | undefined;
  readonly workloads: readonly string[] | undefined;
  /** Cases that would take longer are omitted. */
  readonly minutes: number;
  readonly scale: number;
  /** The name of the files in `results/`. */
  readonly name: string;
  /** Only writes the report of this earlier run. */
  readonly report: string | undefined;
}

export const HELP = `pnpm bench [options]

  --quick            one round of the main workloads with short stretches, in two minutes
  --rounds N         the number of rounds for medians (5)
  --only a,b         these variants
  --workloads x,y    these workloads
  --minutes M        starts no case that would take longer (25; with --quick 1.6)
  --scale S          share of the readers, to try the benchmark; such figures prove nothing (1)
  --name NAME        name of the files in bench/results (the date; quick; trial)
  --report NAME      only writes the tables and plots of results/NAME.json again
  --list             lists the variants and workloads
`;

/** @throws Error for an unknown flag */
export function readFlags(args: readonly string[]): Flags | "help" | "list" {
  const { values } = parseArgs({
    // pnpm passes a "--" on.
    args: args.filter((arg) => arg !== "--"),
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string" },
      workloads: { type: "string" },
      minutes: { type: "string" },
      scale: { type: "string", default: "1" },
      name: { type: "string" },
      report: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  if (values.list) return "list";
  const isQuick = values.quick;
  const scale = between("scale", Number(values.scale), [0.01, 1]);
  const isPart = scale < 1 || values.only !== undefined || values.workloads !== undefined;
  const today = new Date().toISOString().slice(0, 10);
  const name = values.name ?? (isQuick ? "quick" : isPart ? "trial" : today);
  if (!/^[\w.-]+$/.test(name)) throw new Error("--name is a file's name");
  return {
    isQuick,
    rounds: between("rounds", Number(values.rounds ?? (isQuick ? 1 : 5)), [1, 50]),
    only: values.only?.split(","),
    workloads: values.workloads?.split(","),
    minutes: between("minutes", Number(values.minutes ?? (isQuick ? 1.6 : 25)), [0.1, 240]),
    scale,
    name,
    report: values.report,
  };
}

function between(name: string, value: number, [least, most]: [number, number]): number {
  if (value >= least && value <= most) return value;
  throw new Error(`--${name} is a number from ${least} to ${most}`);
}
