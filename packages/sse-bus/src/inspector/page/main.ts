import { startTimeout } from "../../core/timers.ts";
import type { InspectorData } from "../inspector.ts";
import { explain, readData, RequestFailed } from "./api.ts";
import { createDisconnectDialog } from "./disconnect-dialog.ts";
import { byId, keyedList, make, setBadge, setText } from "./dom.ts";
import { addReports, type Histories, nameOf } from "./history.ts";
import { createOverview } from "./overview.ts";
import { startPublishForm } from "./publish-form.ts";
import { createTables } from "./tables.ts";
import { createTail } from "./tail.ts";

/** The server is asked once a second while the page is visible, and later after a failure. */
const PERIOD_MS = 1000;
const RETRY_MS = 3000;
/** A server that does not answer for this long counts as unreachable. */
const TIMEOUT_MS = 10_000;

const overview = createOverview();
const tail = createTail();
const tables = createTables({ onDisconnect: createDisconnectDialog(), onFollow: tail.follow });
const select = byId("instance") as HTMLSelectElement;
const pauseButton = byId("pause");
const problem = byId("problem");
const options = keyedList<readonly [id: string, name: string], HTMLOptionElement>(select, {
  key: ([id]) => id,
  create: ([id]) => make("option", { value: id }),
  update: (option, [, name]) => setText(option, name),
});

let histories: Histories = new Map();
let chosen = "";
let may: InspectorData["may"] = { publish: false, disconnect: false };
let isPaused = false;
let timer: ReturnType<typeof setTimeout> | undefined;
let request: AbortController | undefined;

byId("tables").append(...tables.elements);
startPublishForm();

function show(): void {
  const names = [...histories].flatMap(([id, { reports }]) => {
    const newest = reports.at(-1);
    return newest ? [[id, nameOf(newest)] as const] : [];
  });
  names.sort(([, a], [, b]) => a.localeCompare(b));
  // The chosen one is kept: it may be missing for a moment, as after the page was hidden.
  const shown = histories.has(chosen) ? chosen : (names[0]?.[0] ?? "");
  options.update(names);
  select.value = shown;
  byId("choice").hidden = names.length < 2;
  byId("publish").hidden = !may.publish;
  const reports = histories.get(shown)?.reports ?? [];
  overview.update(reports);
  tables.update(reports, may);
}

async function read(): Promise<void> {
  clearTimeout(timer);
  request?.abort();
  if (isPaused || document.hidden) return;
  const own = new AbortController();
  request = own;
  let isLate = false;
  const limit = startTimeout(() => {
    isLate = true;
    own.abort();
  }, TIMEOUT_MS);
  try {
    const data = await readData(own.signal);
    const isFirst = chosen === "";
    histories = addReports(histories, data.instances, Date.now());
    ({ may } = data);
    if (isFirst) chosen = data.instances[0]?.instance ?? "";
    problem.hidden = true;
    setBadge(byId("state"), "Live", "good");
    show();
    readLater(PERIOD_MS);
  } catch (error) {
    if (own.signal.aborted && !isLate) return;
    setBadge(byId("state"), "Disconnected", "bad");
    setText(problem, explain(error) + hintOf(error));
    problem.hidden = false;
    readLater(RETRY_MS);
  } finally {
    clearTimeout(limit);
  }
}

function readLater(ms: number): void {
  timer = startTimeout(() => void read(), ms);
}

function hintOf(error: unknown): string {
  const isSignedOut = error instanceof RequestFailed && error.status === 401;
  return isSignedOut ? " Load the page again to sign in." : "";
}

select.addEventListener("change", () => {
  chosen = select.value;
  show();
});
pauseButton.addEventListener("click", () => {
  isPaused = !isPaused;
  pauseButton.setAttribute("aria-pressed", String(isPaused));
  setText(pauseButton, isPaused ? "Continue" : "Pause");
  if (isPaused) setBadge(byId("state"), "Paused", "warn");
  void read();
});
document.addEventListener("visibilitychange", () => {
  tail.setVisible(!document.hidden);
  void read();
});
void read();
