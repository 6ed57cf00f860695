// Vitest puts these into its workers' environment (NODE_ENV=test among them, under which Next runs
// in neither of its two modes). SSE_BUS_* is omitted so that a developer's own settings do not
// decide whether tests pass; tests set what they need.
const fromTheRunner =
  /^(NODE_ENV|NODE_OPTIONS|TEST|PROD|DEV|MODE|SSR|BASE_URL|FORCE_.*|VITEST.*|SSE_BUS_.*)$/;

/** This process's environment as a program started by hand would see it, without colours. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !fromTheRunner.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}
