import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const benchFolder: string = fileURLToPath(new URL("..", import.meta.url));
export const nextFolder: string = join(benchFolder, "next-app");
export const resultsFolder: string = join(benchFolder, "results");
