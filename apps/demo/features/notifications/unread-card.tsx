import { useEffect } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { fieldClass } from "@/components/ui/field";
import { BrowserNotifications } from "./browser-notifications";
import { type Author, maxNameLength } from "./entry";
import { rename } from "./visitor";
import type { Unread } from "./unread-reader";

interface UnreadCardProps {
  /** Undefined until the browser has read its mark. */
  unread: Unread | undefined;
  visitor: Author;
  onRead: () => void;
}

export function UnreadCard({ unread, visitor, onRead }: UnreadCardProps) {
  const count = (kind: "chat" | "alert") =>
    unread?.entries.filter((entry) => entry.kind === kind).length;
  const total = unread?.entries.length ?? 0;
  useTitle(total);

  return (
    <Card
      title="Unread"
      actions={
        <Button small aria-disabled={total === 0 && !unread?.isMore} onClick={onRead}>
          Mark all as read
        </Button>
      }
    >
      <div className="grid grid-cols-2 gap-px bg-line lg:grid-cols-[1fr_1fr_2fr]">
        <Count name="Messages" value={count("chat")} />
        <Count name="Alerts" value={count("alert")} />
        <div className="col-span-2 flex min-h-20 flex-wrap items-center gap-x-6 gap-y-3 bg-surface p-4 sm:px-5 lg:col-span-1">
          <NameField name={visitor.name} />
          <div className="flex min-h-11 flex-1 basis-56 items-center">
            <BrowserNotifications />
          </div>
        </div>
      </div>
      <p
        data-testid="reach"
        className="min-h-10 border-t border-line px-4 py-2.5 text-sm/5 text-muted sm:px-5"
      >
        {unread?.isMore
          ? "There are more unread messages than the server keeps."
          : "All windows of this browser share this count, and it survives a reload."}
      </p>
    </Card>
  );
}

function Count({ name, value }: { name: string; value: number | undefined }) {
  return (
    <div className="bg-surface p-4 sm:px-5" data-unread={name}>
      <h3 className="text-sm font-medium text-muted">{name}</h3>
      <p className="mt-1 text-2xl font-semibold tracking-tight tabular-nums">
        {value ?? <span className="text-muted">–</span>}
      </p>
    </div>
  );
}

function NameField({ name: known }: { name: string }) {
  return (
    <form
      key={known}
      className="grid flex-1 basis-60 gap-1"
      onSubmit={(event) => {
        event.preventDefault();
        const name = new FormData(event.currentTarget).get("name");
        if (typeof name === "string") rename(name);
      }}
    >
      <label htmlFor="visitor-name" className="text-sm font-medium">
        Your name
      </label>
      <span className="flex gap-2">
        <input
          id="visitor-name"
          name="name"
          defaultValue={known}
          required
          maxLength={maxNameLength}
          autoComplete="off"
          className={fieldClass}
        />
        <Button type="submit">Rename</Button>
      </span>
    </form>
  );
}

/** Shows the number in the tab's title. */
function useTitle(total: number): void {
  useEffect(() => {
    const plain = document.title.replace(/^\(\d+\) /, "");
    document.title = total > 0 ? `(${total}) ${plain}` : plain;
  }, [total]);
}
