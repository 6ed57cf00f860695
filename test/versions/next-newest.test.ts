import { runtimePackages } from "./packages.ts";
import { testOnEveryNode } from "./suite.ts";

testOnEveryNode("next-newest", async () => runtimePackages("next-newest"));
