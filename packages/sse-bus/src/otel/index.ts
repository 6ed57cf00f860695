export { traced, type TracedOptions } from "./traced.ts";
