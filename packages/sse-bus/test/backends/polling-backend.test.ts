import { test } from "vitest";
import { testBackend } from "../../src/testing/test-backend.ts";
import { pollingConformance } from "./polling-conformance.ts";

testBackend({ test, ...pollingConformance });
