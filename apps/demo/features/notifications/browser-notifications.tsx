import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import type { AlertEntry } from "./entry";

type Permission = NotificationPermission | "unsupported" | "unknown";

/** Asks only when its button is pressed: a page that asks on load is refused for good. */
export function BrowserNotifications() {
  const [permission, setPermission] = useState<Permission>("unknown");

  useEffect(() => {
    const look = () => setPermission(current());
    look();
    // Another window of this browser may have been allowed meanwhile.
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, []);

  const ask = async () => setPermission(await Notification.requestPermission());

  return permission === "default" || permission === "unknown" ? (
    <Button
      aria-disabled={permission === "unknown"}
      onClick={permission === "default" ? () => void ask() : undefined}
    >
      Allow browser notifications
    </Button>
  ) : (
    <p className="text-sm/5 text-muted">{said[permission]}</p>
  );
}

const said = {
  granted: "Browser notifications are on: for alerts, while this page is hidden.",
  denied: "Browser notifications are blocked in this browser’s settings.",
  unsupported: "This browser has no notifications for this page.",
};

/** Shows an alert outside of the page, if the visitor allowed it and does not look at the page. */
export function notify({ id, level, text, by }: AlertEntry): void {
  if (current() !== "granted" || document.visibilityState === "visible") return;
  try {
    // One for all windows: those of a browser replace what has the same tag.
    const shown = new Notification(`${level}: ${text}`, { body: `From ${by.name}`, tag: id });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  } catch {
    // Chrome on Android has them only for service workers: the toast waits on the page.
  }
}

function current(): Permission {
  return "Notification" in globalThis ? Notification.permission : "unsupported";
}
