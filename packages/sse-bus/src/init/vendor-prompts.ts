// Bundled like vendor.ts, but apart: it needs Node.js 20.12, and is loaded only to ask.
export { confirm, isCancel, select } from "@clack/prompts";
