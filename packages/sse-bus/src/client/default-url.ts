/**
 * The stream route below the app's `basePath`. In client bundles Next.js replaces the variable by the path;
 * in other bundles `process` may not exist.
 *
 * @see https://nextjs.org/docs/app/api-reference/config/next-config-js/basePath
 */
export function defaultUrl(): string {
  let basePath;
  try {
    basePath = process.env.__NEXT_ROUTER_BASEPATH;
  } catch {}
  return (basePath ?? "") + "/api/sse";
}
