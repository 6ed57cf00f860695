import { testOnEveryNode } from "./suite.ts";

testOnEveryNode("next-oldest");
