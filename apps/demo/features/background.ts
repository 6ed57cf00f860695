import { bus } from "@/lib/sse-bus";
import { startFeeds } from "./dashboard/server";
import { announceJoins } from "./notifications/server";
// oxlint-disable-next-line import/no-unassigned-import -- every instance reports the tasks of those that have died
import "./progress/server";
import { simulate } from "./scores/server";
import { publishConsole } from "./system/app-log";
import { startSampling } from "./system/server";

/*
 * Background work, started by instrumentation.ts with the server: the pages' data sources. With a name,
 * each replaces its earlier call when hot reload evaluates this file again.
 */
publishConsole();

// #region how demand
// On every instance, while a page is open on any of them.
bus.whileSubscribed("system/samples", startSampling, { name: "system/samples" });
// On one of the instances.
const singleton = true;
bus.whileSubscribed("dashboard/*", startFeeds, { singleton, name: "dashboard" });
bus.whileSubscribed("scores/*", simulate, { singleton, name: "scores" });
bus.whileSubscribed("notifications/log", announceJoins, { singleton, name: "notifications" });
// #endregion
