import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { fieldClass } from "@/components/ui/field";
import { type TextState, useTextForm } from "@/components/ui/use-text-form";
import type { Author } from "./entry";

interface PostFormProps {
  action: (state: TextState, form: FormData) => Promise<TextState>;
  visitor: Author;
  label: string;
  placeholder: string;
  maxLength: number;
  submit: string;
  /** Below the field, unless there is an error. */
  hint: string;
  onInput?: () => void;
  /** Controls before the text. */
  children?: ReactNode;
}

export function PostForm(props: PostFormProps) {
  const { action, visitor, label, placeholder, maxLength, submit, hint, onInput, children } = props;
  const { state, isPending, form, box } = useTextForm(action, {});
  const { error } = state;
  const id = `post-${submit.toLowerCase()}`;

  return (
    <form {...form} className="grid gap-1.5 p-4 sm:px-5">
      <input type="hidden" name="name" value={visitor.name} />
      <div className="flex flex-wrap gap-2">
        {children}
        <label htmlFor={id} className="sr-only">
          {label}
        </label>
        <input
          id={id}
          name="text"
          {...box}
          placeholder={placeholder}
          autoComplete="off"
          required
          maxLength={maxLength}
          onInput={onInput}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-outcome`}
          className={`basis-44 ${fieldClass}`}
        />
        <Button type="submit" variant="primary" aria-disabled={isPending}>
          {submit}
        </Button>
      </div>
      {/* Always rendered with a line's height, so that a result moves nothing. */}
      <p id={`${id}-outcome`} className="min-h-5 text-sm/5 text-muted">
        {error === undefined && hint}
        <output className="text-bad">{error}</output>
      </p>
    </form>
  );
}
