import { installedPackages } from "./packages.ts";
import { testOnEveryNode } from "./suite.ts";

for (const version of ["15.0.0", "15.5.29"]) {
  testOnEveryNode(`Next.js ${version}`, async () => installedPackages(version));
}
