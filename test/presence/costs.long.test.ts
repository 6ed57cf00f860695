import { testCosts } from "./costs-suite.ts";

testCosts(1000);
