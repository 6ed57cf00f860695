/**
 * Where the project lives. Its owner is named here and in `package.json`; `test/docs/repository.test.ts` compares
 * the two, and finds any other place.
 */
export const REPOSITORY = "https://github.com/sse-bus/sse-bus";

/** The address of the page that explains an error code. */
export function errorPage(code: string): string {
  return `${REPOSITORY}/blob/main/docs/errors/${code}.md`;
}
