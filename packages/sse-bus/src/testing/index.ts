export type { BackendTestOptions } from "./backend/options.ts";
export { testBackend } from "./test-backend.ts";
