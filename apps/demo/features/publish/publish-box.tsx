"use client";

import { publishMessage } from "@/app/actions/publish-message";
import { Button } from "@/components/ui/button";
import { useTextForm } from "@/components/ui/use-text-form";
import { maxTextLength } from "./publish-state";

export function PublishBox() {
  const { state, isPending, form, box } = useTextForm(publishMessage, {});
  const { publishedId, error } = state;

  return (
    <form {...form} className="grid gap-2">
      <label htmlFor="publish-msg" className="text-sm font-medium">
        Message
      </label>
      <div className="flex gap-2">
        <input
          id="publish-msg"
          name="msg"
          {...box}
          placeholder="HelloWorld"
          autoComplete="off"
          maxLength={maxTextLength}
          aria-invalid={error !== undefined}
          aria-describedby="publish-outcome"
          className="h-10 min-w-0 flex-1 rounded-lg border border-edge bg-surface px-3 text-base placeholder:text-muted aria-invalid:border-bad sm:text-sm"
        />
        <Button type="submit" variant="primary" aria-disabled={isPending}>
          Publish
        </Button>
      </div>
      {/* Always rendered with a line's height, so that a result moves nothing. */}
      <output id="publish-outcome" className="block min-h-5 text-sm/5 break-words">
        {error !== undefined && <span className="text-bad">{error}</span>}
        {publishedId !== undefined && (
          <span className="text-muted">
            Published as <span className="font-mono text-xs">{publishedId}</span>
          </span>
        )}
      </output>
    </form>
  );
}
