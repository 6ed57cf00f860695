import { whileWatched } from "@/lib/while-watched";
import { startFeeds } from "./dashboard/server";
import { publishConsole } from "./system/app-log";
import { startSampling } from "./system/server";

/*
 * What runs beside requests, started by instrumentation.ts with the server: the pages' sources of
 * data, each only while somebody looks.
 */
publishConsole();
whileWatched("system/", startSampling);
whileWatched("dashboard/", startFeeds);
