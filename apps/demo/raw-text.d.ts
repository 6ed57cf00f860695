/** A source file's text, put into the page by the build (see `turbopack.rules` in next.config.ts). */
declare module "*?raw" {
  const text: string;
  export default text;
}
