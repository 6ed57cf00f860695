/**
 * The stream route below the app's `basePath`. Next.js writes the path into client bundles in place of this
 * name; in other bundles there may not even be a `process`.
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
