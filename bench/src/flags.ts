import { parseArgs } from "node:util";

export interface Flags {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly only: readonly string[] | undefined;
  readonly workloads: readonly string[] | undefined;
  /** Cases that would not be over by then are left out. */
  readonly minutes: number;
  readonly scale: number;
  /** Of the files in `results/`. */
  readonly name: string;
  /** Only writes the report of this run, measured before. */
  readonly report: string | undefined;
}

export const HELP = `pnpm bench [options]

  --quick            one round of the main workloads with short stretches, in two minutes
  --rounds N         medians are over so many rounds (5)
  --only a,b         these variants
  --workloads x,y    these workloads
  --minutes M        starts nothing that would not be over by then (25; with --quick 1.6)
  --scale S          share of the readers, to try the bench out; the figures prove nothing (1)
  --name NAME        of the files in bench/results (the date; quick; trial)
  --report NAME      measures nothing: writes the tables and plots of results/NAME.json again
  --list             names the variants and workloads
`;

/** @throws Error for what it does not know */
export function readFlags(args: readonly string[]): Flags | "help" | "list" {
  const { values } = parseArgs({
    // pnpm hands a "--" on.
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
