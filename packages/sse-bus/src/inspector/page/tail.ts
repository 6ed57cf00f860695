import { createSseClient } from "../../client/client.ts";
import type { SseStatus } from "../../client/status.ts";
import { isTopic } from "../../core/channel-name.ts";
import { ownUrl } from "./api.ts";
import { byId, make, setBadge, setText, type Tone } from "./dom.ts";
import { formatClock, formatCount } from "./format.ts";

/** The messages of a channel or pattern, live, over the event stream of the inspector. */
export interface Tail {
  /** Shows the messages of another channel. */
  follow(channel: string): void;
  /** Reads nothing while the page is hidden. */
  setVisible(isVisible: boolean): void;
}

interface Line {
  readonly time: number;
  readonly channel: string;
  readonly event: string;
  readonly text: string;
}

const KEPT = 200;
/** Longer data is folded. */
const SHORT = 240;

const STATES: Readonly<Record<SseStatus, readonly [text: string, tone: Tone]>> = {
  idle: ["Off", ""],
  connecting: ["Connecting", ""],
  open: ["Live", "good"],
  reconnecting: ["Reconnecting", "warn"],
  paused: ["Paused", "warn"],
  failed: ["Failed", "bad"],
  closed: ["Off", ""],
};

export function createTail(): Tail {
  // The page's own stream: it must not depend on other tabs.
  const client = createSseClient({ url: ownUrl, shareTabs: false, onError: () => {} });
  const list = byId("tail");
  const state = byId("tail-state");
  const empty = byId("tail-empty");
  const followButton = byId("follow");
  const form = byId("tail-form") as HTMLFormElement;
  const pattern = form.elements.namedItem("pattern") as HTMLInputElement;
  const words = form.elements.namedItem("words") as HTMLInputElement;
  let lines: Line[] = [];
  let fresh: Line[] = [];
  let frame = 0;
  let topic = "**";
  let isOn = true;
  let isVisible = true;
  let unsubscribe: (() => void) | undefined;

  function connect(): void {
    unsubscribe?.();
    unsubscribe = undefined;
    if (!isOn || !isVisible) {
      setBadge(state, "Off", "");
      return;
    }
    unsubscribe = client.subscribe(
      topic,
      (data: unknown, { channel, event, time }) => {
        add({ time, channel, event, text: JSON.stringify(data) ?? "" });
      },
      {
        onStatus({ status, error }) {
          const [text, tone] = STATES[status];
          setBadge(state, error && status === "failed" ? `${text}: ${error.code}` : text, tone);
        },
        onGap({ channels, reason, count }) {
          const lost = count === undefined ? "Messages" : `${formatCount(count)} messages`;
          const text = `${lost} were skipped (${reason}).`;
          add({
            time: Date.now(),
            channel: channels.join(" "),
            event: "gap",
            text,
          });
        },
      },
    );
  }

  /** Drawn once a frame: of a burst, only what is kept. */
  function add(line: Line): void {
    fresh.push(line);
    if (fresh.length > KEPT) fresh = fresh.slice(-KEPT);
    if (frame === 0) frame = requestAnimationFrame(draw);
  }

  function draw(): void {
    frame = 0;
    const added = fresh.filter(isWanted);
    lines = [...lines, ...fresh].slice(-KEPT);
    fresh = [];
    list.prepend(...added.map(lineElement).toReversed());
    while (list.children.length > KEPT) list.lastElementChild?.remove();
    explainEmpty();
  }

  function redraw(): void {
    list.replaceChildren(...lines.filter(isWanted).map(lineElement).toReversed());
    explainEmpty();
  }

  function isWanted({ channel, event, text }: Line): boolean {
    return `${channel} ${event} ${text}`.toLowerCase().includes(words.value.toLowerCase());
  }

  function explainEmpty(): void {
    empty.hidden = list.children.length > 0;
    setText(empty, lines.length === 0 ? "Waiting for messages." : "No message contains this text.");
  }

  function setTopic(): void {
    const isValid = isTopic(pattern.value);
    pattern.setAttribute("aria-invalid", String(!isValid));
    if (!isValid || pattern.value === topic) return;
    topic = pattern.value;
    clear();
    connect();
  }

  function clear(): void {
    lines = [];
    fresh = [];
    redraw();
  }

  function setOn(on: boolean): void {
    isOn = on;
    followButton.setAttribute("aria-pressed", String(on));
    setText(followButton, on ? "Stop" : "Follow");
    connect();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setTopic();
  });
  pattern.addEventListener("change", setTopic);
  words.addEventListener("input", redraw);
  followButton.addEventListener("click", () => setOn(!isOn));
  byId("clear").addEventListener("click", clear);
  connect();

  return {
    follow(channel) {
      pattern.value = channel;
      setTopic();
      if (!isOn) setOn(true);
      byId("messages").scrollIntoView({ block: "nearest" });
      pattern.focus();
    },
    setVisible(visible) {
      if (visible === isVisible) return;
      isVisible = visible;
      connect();
    },
  };
}

function lineElement({ time, channel, event, text }: Line): HTMLElement {
  const head = make(
    "div",
    { class: "head" },
    make("time", { class: "muted mono" }, formatClock(time)),
    make("bdi", { class: "mono" }, channel),
    make("b", { "data-tone": event === "gap" ? "warn" : "" }, event),
  );
  if (text.length <= SHORT) return make("li", {}, head, make("code", {}, text));
  const summary = make("summary", {}, make("code", {}, `${text.slice(0, SHORT)}…`));
  const details = make("details", {}, summary);
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(make("pre", {}, pretty(text)));
  });
  return make("li", {}, head, details);
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
