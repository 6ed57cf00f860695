import { whileWatched } from "@/lib/while-watched";
import { startFeeds } from "./dashboard/server";
import { startInspecting } from "./inspector/server";
import { isInspectable } from "./inspector/token";
import { startSimulation } from "./scores/server";
import { listenToConsole, startLog } from "./system/app-log";
import { startSampling } from "./system/server";

/*
 * Background work, started by instrumentation.ts with the server: the pages' data sources. Each runs
 * only while one of its pages is open.
 */
listenToConsole();
whileWatched("system/", () => {
  const stops = [startLog(), startSampling()];
  return () => {
    for (const stop of stops) stop();
  };
});
whileWatched("dashboard/", startFeeds);
whileWatched("scores/", startSimulation);
if (isInspectable()) whileWatched("inspector/", startInspecting);
