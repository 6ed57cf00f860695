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

const overview = createOverview();
const tail = createTail();
const tables = createTables({ onDisconnect: createDisconnectDialog(), onFollow: tail.follow });
const select = byId<HTMLSelectElement>("instance");
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
  const names = [...histories].flatMap(([id, reports]) => {
    const newest = reports.at(-1);
    return newest ? [[id, nameOf(newest)] as const] : [];
  });
  names.sort(([, a], [, b]) => a.localeCompare(b));
  if (!histories.has(chosen)) chosen = names[0]?.[0] ?? "";
  options.update(names);
  select.value = chosen;
  byId("choice").hidden = names.length < 2;
  byId("publish").hidden = !may.publish;
  const reports = histories.get(chosen) ?? [];
  overview.update(reports);
  tables.update(reports, may);
}

async function read(): Promise<void> {
  clearTimeout(timer);
  request?.abort();
  if (isPaused || document.hidden) return;
  const own = new AbortController();
  request = own;
  try {
    const data = await readData(own.signal);
    const isFirst = chosen === "";
    histories = addReports(histories, data.instances);
    ({ may } = data);
    if (isFirst) chosen = data.instances[0]?.instance ?? "";
    problem.hidden = true;
    setBadge(byId("state"), "Live", "good");
    show();
    readLater(PERIOD_MS);
  } catch (error) {
    if (own.signal.aborted) return;
    setBadge(byId("state"), "Disconnected", "bad");
    setText(problem, explain(error) + hintOf(error));
    problem.hidden = false;
    readLater(RETRY_MS);
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
