import nextJest from "next/jest.js";

const createConfig = nextJest({ dir: "./" });

export default async function config() {
  // jsdom with the web APIs of Node.js: fetch, streams, TextEncoder.
  const config = await createConfig({ testEnvironment: "jest-fixed-jsdom" })();
  // Transforms the package: it consists of ES modules. pnpm keeps it in `.pnpm`.
  return { ...config, transformIgnorePatterns: ["/node_modules/(?!(\\.pnpm|sse-bus)/)"] };
}
