import { testHttpSurface } from "../http-surface/suite.ts";
import { startHub, surfaceOf } from "./hub-process.ts";

testHttpSurface("the hub", async () => surfaceOf(await startHub()));

testHttpSurface("the hub with three workers", async () =>
  surfaceOf(await startHub({ args: ["--workers", "3"] })),
);
