/** `sse-bus init --help`. */
export const INIT_HELP = `Usage: npx sse-bus init [flags]

Sets up sse-bus in a Next.js app with the App Router. Adds, in src if the app has it:

  lib/sse-bus             the bus: one per process
  app/api/sse/route       the event stream, GET /api/sse
  app/api/publish/route   publishing over HTTP, /api/publish
  app/sse/page            a page that shows each message, /sse; delete it when you have your own
  instrumentation         connects the bus at start, and ends streams on SIGTERM; an existing file
                          keeps its code

In TypeScript if the app has a tsconfig.json, otherwise in JavaScript. If package.json does not list
sse-bus, its package manager (npm, pnpm, yarn or bun) adds it.

It shows what it will do and asks before it does it. It replaces no file without asking. If all files
are there, it changes nothing.

  --dry-run       Print the changes as a diff, and write nothing.
  -y, --yes       Do not ask. Files that are there for something else stay as they are.
  --overwrite     Replace such files, too.
  --no-page       Do not add the page.
  --no-install    Do not add the package; say which command does.
  --cwd FOLDER    The folder of the app. Default: the current one.
  -h, --help

Exit codes: 0 if the app is set up; 1 if it is not, or if something is left to do by hand; 2 if the
command line is wrong.

Examples:
  npx sse-bus init --dry-run            see what would change
  npx sse-bus init --yes                set up without questions, for example in a script
  npx sse-bus init --cwd apps/web       from the root of a monorepo
`;
