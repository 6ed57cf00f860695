import { variants } from "./variants.ts";
import { fanOut } from "./workloads.ts";

const names = (process.argv[2] ?? "").split(",").filter(Boolean);
const readers = Number(process.argv[3] ?? 1000);
const rounds = Number(process.argv[4] ?? 1);
for (let round = 0; round < rounds; round++) {
  for (const variant of variants.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const figures = await fanOut(variant, readers, { messages: 300, rateSeconds: 4 });
    const text = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
    console.log(`${variant.name}: ${text.join("  ")}`);
  }
}
