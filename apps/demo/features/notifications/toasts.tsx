import { useEffect, useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { useFocusKeeper } from "@/components/ui/use-focus-keeper";
import type { AlertEntry } from "./entry";
import { levelTones, Written } from "./entry-parts";

const shownMs = 8_000;

interface ToastsProps {
  alerts: readonly AlertEntry[];
  onDismiss: (id: string) => void;
}

/**
 * New alerts, over the page. The region is always rendered, or screen readers would not announce new
 * toasts; it passes clicks through. Escape dismisses the newest toast from anywhere, because Tab
 * reaches the toasts last.
 */
export function Toasts({ alerts, onDismiss }: ToastsProps) {
  const keeper = useFocusKeeper<HTMLOutputElement>();
  const newest = alerts.at(-1)?.id;
  useEffect(() => {
    if (newest === undefined) return undefined;
    const onKey = ({ key }: KeyboardEvent): void => {
      if (key === "Escape") onDismiss(newest);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [newest, onDismiss]);

  return (
    <output
      {...keeper}
      aria-label="New alerts"
      data-testid="toasts"
      className="pointer-events-none fixed top-0 right-0 z-20 grid w-full max-w-104 gap-2 p-4 lg:top-14"
    >
      {alerts.map((alert) => (
        <Toast key={alert.id} alert={alert} onDismiss={onDismiss} />
      ))}
    </output>
  );
}

function Toast({ alert, onDismiss }: { alert: AlertEntry; onDismiss: (id: string) => void }) {
  const { id, level, text, by } = alert;
  const [isHeld, hold] = useState(false);
  // Warnings stay until they are dismissed. Others disappear, but not under the pointer or the focus.
  const staysFor = level === "info" && !isHeld ? shownMs : undefined;

  useEffect(() => {
    if (staysFor === undefined) return undefined;
    const timer = setTimeout(() => onDismiss(id), staysFor);
    return () => clearTimeout(timer);
  }, [id, staysFor, onDismiss]);

  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- waits while a hand or the focus is on it; its button is what acts
    <div
      data-toast={id}
      onPointerEnter={() => hold(true)}
      onPointerLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
      className="pointer-events-auto grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-3 rounded-xl border border-edge bg-surface p-4 shadow-lg motion-safe:animate-appear"
    >
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-2 text-sm">
          <Badge tone={levelTones[level]}>{level}</Badge>
          <span className="truncate text-muted">
            from <bdi>{by.name}</bdi>
          </span>
        </div>
        <Written text={text} />
      </div>
      <Button small variant="quiet" onClick={() => onDismiss(id)} aria-label={`Dismiss: ${text}`}>
        Dismiss
      </Button>
    </div>
  );
}
