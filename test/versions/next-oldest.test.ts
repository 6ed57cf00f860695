import { runtimePackages } from "./packages.ts";
import { testOnEveryNode } from "./suite.ts";

testOnEveryNode("next-oldest", async () => runtimePackages("next-oldest"));
