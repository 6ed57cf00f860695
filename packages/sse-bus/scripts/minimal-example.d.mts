import type { Templates } from "../src/init/templates.ts";

export function readMinimalExample(): Promise<Templates>;
