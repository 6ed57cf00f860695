import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import type { AlertEntry } from "./entry";

type Permission = NotificationPermission | "unsupported" | "unknown";

/** Asks for permission only after a click: browsers block pages that ask on load. */
export function BrowserNotifications() {
  const [permission, setPermission] = useState<Permission>("unknown");

  useEffect(() => {
    const look = () => setPermission(current());
    look();
    // The permission may have changed in another window.
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
  granted: "Browser notifications are on. Alerts appear while this page is hidden.",
  denied: "Browser notifications are blocked in this browser’s settings.",
  unsupported: "This browser does not support notifications here.",
};

/** Shows a browser notification if it is allowed and the page is hidden. */
export function notify({ id, level, text, by }: AlertEntry): void {
  if (current() !== "granted" || document.visibilityState === "visible") return;
  try {
    // The tag makes it one notification for all windows.
    const shown = new Notification(`${level}: ${text}`, { body: `From ${by.name}`, tag: id });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  } catch {
    // Chrome on Android supports them only in service workers; the toast on the page remains.
  }
}

function current(): Permission {
  return "Notification" in globalThis ? Notification.permission : "unsupported";
}
