export { createSseClient } from "./client.ts";
