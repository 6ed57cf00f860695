"use client";

import { publishMessage } from "@/app/actions/publish-message";
import { Button } from "@/components/ui/button";
import { fieldClass } from "@/components/ui/field";
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
          className={fieldClass}
        />
        <Button type="submit" variant="primary" aria-disabled={isPending}>
          Publish
        </Button>
      </div>
      {/* Always rendered with a line's height, so that a result moves nothing. */}
      <p id="publish-outcome" className="min-h-5 text-sm/5 break-words text-muted">
        {error === undefined && publishedId === undefined && "Every open page shows it."}
        <output>
          {error !== undefined && <span className="text-bad">{error}</span>}
          {publishedId !== undefined && (
            <>
              Published as <span className="font-mono text-xs">{publishedId}</span>
            </>
          )}
        </output>
      </p>
    </form>
  );
}
