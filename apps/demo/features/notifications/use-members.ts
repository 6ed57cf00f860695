import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { PresenceMember } from "sse-bus/client";
import { usePresence } from "sse-bus/react";
import type { Author } from "./entry";
import { entries } from "./live";
import { byName, readVisitorState, type VisitorState } from "./members";

/** Typing ends after this time without input. */
const typingMs = 4_000;

interface MembersOptions {
  /** The members when the server rendered the page. */
  initial: readonly PresenceMember[];
  visitor: Author;
}

/** Who is present, and the function that reports whether this page's visitor is typing. */
export function useMembers({ initial, visitor: { person, name } }: MembersOptions) {
  // #region how presence
  const { members, self, setState } = usePresence(entries.channel, { initial });
  const [isTyping, setTyping] = useTyping();
  const isVisible = useVisibility();
  const status = !isVisible ? "away" : isTyping ? "typing" : "here";

  const latestName = useLatest(name);
  useEffect(() => {
    if (isVisible) setState({ name, status } satisfies VisitorState);
  }, [setState, name, status, isVisible]);
  useEffect(() => {
    if (!isVisible) setState({ name: latestName.current, status: "away" } satisfies VisitorState);
  }, [setState, latestName, isVisible]);

  // The windows of a browser are one member, and the last state counts. A visible window corrects "away";
  // any window gives the member a state when the window that set it has closed.
  const shown = readVisitorState(self?.state)?.status;
  const isOutdated = self !== undefined && (!shown || (isVisible && shown === "away"));
  useEffect(() => {
    if (isOutdated) setState({ name, status } satisfies VisitorState);
  }, [setState, name, status, isOutdated]);
  // #endregion

  const present = useMemo(() => byName(members), [members]);
  // The stream may have another cookie than the page, for example when two pages were opened at once.
  return { present, person: self?.id ?? person, setTyping };
}

function useTyping() {
  const [typedAt, setTypedAt] = useState<number>();
  useEffect(() => {
    if (typedAt === undefined) return undefined;
    const timer = setTimeout(() => setTypedAt(undefined), typingMs);
    return () => clearTimeout(timer);
  }, [typedAt]);
  const [setTyping] = useState(() => (isTyping: boolean) => {
    setTypedAt(isTyping ? performance.now() : undefined);
  });
  return [typedAt !== undefined, setTyping] as const;
}

function useVisibility(): boolean {
  return useSyncExternalStore(
    onVisibilityChange,
    () => document.visibilityState === "visible",
    () => true,
  );
}

function onVisibilityChange(changed: () => void): () => void {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}

function useLatest<Value>(value: Value) {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
