#!/usr/bin/env node
import { VERSION } from "../core/version.ts";
import { quoted } from "./flags.ts";

const HELP = `sse-bus ${VERSION}: real-time updates from the server to browsers, over Server-Sent Events

Usage: npx sse-bus COMMAND [flags]

  init    Set up sse-bus in a Next.js app.
  hub     Serve event streams in a process of its own, for serverless platforms and other frameworks.

npx sse-bus COMMAND --help describes the flags of a command. npx sse-bus --version prints the version.
`;

const [first, ...rest] = process.argv.slice(2);
// `sse-bus help init` is `sse-bus init --help`.
const [command, ...args] = first === "help" ? [...rest, "--help"] : [first, ...rest];
const wanted = [command, ...args];
if (wanted.includes("--version") || wanted.includes("-v")) {
  process.stdout.write(`${VERSION}\n`);
} else if (wanted.includes("--help") || wanted.includes("-h")) {
  process.stdout.write(await helpOf(command));
} else if (command === "hub") {
  const { hub } = await import("./hub-command.ts");
  await hub(args);
} else if (command === "init") {
  const { init, terminalHost } = await import("../init/index.ts");
  process.exitCode = await init(args, terminalHost);
} else {
  // The value of a flag may be a secret.
  const [name] = command?.split("=", 1) ?? [];
  const problem = name === undefined ? "No command given" : `There is no command ${quoted(name)}`;
  process.stderr.write(
    `${problem}. Run: npx sse-bus init, or npx sse-bus hub. See sse-bus --help.\n`,
  );
  process.exitCode = 2;
}

async function helpOf(command: string | undefined): Promise<string> {
  if (command === "hub") return (await import("./hub-command.ts")).HUB_HELP;
  if (command === "init") return (await import("../init/init-help.ts")).INIT_HELP;
  return HELP;
}
