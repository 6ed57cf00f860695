import { attachmentOf } from "../core/bus-internals.ts";
import { isClosed } from "../core/engine.ts";
import { isSseBusError } from "../core/errors.ts";
import { createInstanceId } from "../core/instances/instance-id.ts";
import { controlChannelOf } from "../core/instances/instances.ts";
import { publishReserved, type ReservedSubscription, subscribeReserved } from "../core/reserved.ts";
import { createLazyTimer } from "../core/timers.ts";
import { type InstanceReport, reportInstance } from "./instance-report.ts";
import { readReport } from "./read-report.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * The reports of all instances, for as long as somebody looks. An instance whose inspector is read asks on the control
 * channel; the others then publish a report each second on a reserved channel, until nobody has asked for a while.
 * Nothing is kept and nothing is sent while nobody looks.
 */
export interface InstanceReports {
  /** The reports, that of this instance first. Those of the others follow the first call within seconds. */
  read(): readonly InstanceReport[];
}

const CHANNEL = "~inspector";
const REPORT = "report";
const ASK = "inspect";
const PERIOD_MS = 1000;
const ASK_EVERY_MS = 2000;
/** How long an instance reports after it was asked, and is shown after its last report. */
const WATCH_MS = 6000;
/** How long an instance that was read stays subscribed: a proxy may send it only every nth request of a page. */
const IDLE_MS = 60_000;
const MAX_INSTANCES = 200;
/** The lists of a report that was too large for one message. */
const SMALL_LIST = 5;

const ATTACHMENT = "instanceReports";

/** The reports of a bus. From the first call on, this instance answers those who ask. */
export function instanceReportsOf(context: RouteContext): InstanceReports {
  return attachmentOf(context, ATTACHMENT, () => createInstanceReports(context));
}

function createInstanceReports(context: RouteContext): InstanceReports {
  const { engine, onError } = context;
  const instance = createInstanceId();
  const others = new Map<string, { readonly report: InstanceReport; readonly at: number }>();
  const control = controlChannelOf(context);
  const nextReport = createLazyTimer(publishReport);
  const idle = createLazyTimer(stopReading);
  let watchedUntil = 0;
  let isReporting = false;
  let askedAt = 0;
  let subscription: ReservedSubscription | undefined;

  control.on(ASK, (data) => {
    // It asks itself although another one does, or it would never see the one that always asks first.
    if ((data as { from?: unknown } | null)?.from === instance) return;
    watchedUntil = Date.now() + WATCH_MS;
    if (isReporting) return;
    isReporting = true;
    publishReport();
  });
  engine.beforeClose.add(() => {
    nextReport.stop();
    idle.stop();
  });

  function publishReport(): void {
    isReporting = Date.now() < watchedUntil && !isClosed(engine);
    if (!isReporting) return;
    nextReport.start(PERIOD_MS);
    send().catch(report);
  }

  async function send(): Promise<void> {
    const options = { key: instance };
    try {
      await publishReserved(context, CHANNEL, REPORT, reportInstance(context, instance), options);
    } catch (error) {
      if (!isSseBusError(error) || error.code !== "MESSAGE_TOO_LARGE") throw error;
      const small = reportInstance(context, instance, SMALL_LIST);
      await publishReserved(context, CHANNEL, REPORT, small, options);
    }
  }

  function receive(data: unknown): void {
    const read = readReport(data);
    if (!read || read.instance === instance) return;
    if (others.size >= MAX_INSTANCES && !others.has(read.instance)) return;
    others.set(read.instance, { report: read, at: Date.now() });
  }

  function ask(): void {
    if (Date.now() - askedAt < ASK_EVERY_MS) return;
    askedAt = Date.now();
    control.send(ASK, { from: instance }).catch(report);
  }

  function stopReading(): void {
    subscription?.close();
    subscription = undefined;
    others.clear();
  }

  /** An outage is reported by the backend itself. */
  function report(error: unknown): void {
    const isOutage = isSseBusError(error) && error.code === "BACKEND_UNAVAILABLE";
    if (!isOutage && !isClosed(engine)) onError(error as Error);
  }

  return {
    read() {
      if (!isClosed(engine)) {
        // A lost report is followed by the next one.
        subscription ??= subscribeReserved(context, CHANNEL, receive, { onGap() {} });
        idle.start(IDLE_MS);
        ask();
      }
      const now = Date.now();
      for (const [id, { at }] of others) if (now - at > WATCH_MS) others.delete(id);
      const known = [...others.values()].map(({ report }) => report);
      return [reportInstance(context, instance), ...known];
    },
  };
}
