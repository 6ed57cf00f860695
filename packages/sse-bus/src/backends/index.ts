export { backendFromUrl } from "./backend-from-url.ts";
