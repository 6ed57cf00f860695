import { type FormEvent, useActionState, useEffect, useRef, useState, useTransition } from "react";

/** What an action tells a form with one box of text. */
export interface TextState {
  error?: string;
  /** What was typed, given back when it was refused. */
  text?: string;
}

/**
 * A form with one box of text, which is emptied as it is sent: who writes on meanwhile loses nothing.
 * React would empty the form when the answer has come, with all that was typed since. What was refused
 * comes back, unless something else stands there by then. Without JavaScript it is a plain form.
 *
 * Spread `form` on the form and `box` on its input.
 */
export function useTextForm<State extends TextState>(
  action: (state: State, form: FormData) => Promise<State>,
  initial: State,
) {
  const [answered, act] = useActionState(action, initial as Awaited<State>);
  const [told, tell] = useState<State>();
  const [isPending, startTransition] = useTransition();
  const box = useRef<HTMLInputElement>(null);
  const givenBack = useRef<string>(undefined);
  const state: State = told ?? answered;

  useEffect(() => {
    const input = box.current;
    if (!input || told?.text === undefined) return;
    if (input.value !== "" && input.value !== givenBack.current) return;
    input.value = told.text;
    givenBack.current = told.text;
  }, [told]);

  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = box.current;
    const text = input?.value ?? "";
    if (input) input.value = "";
    startTransition(async () => {
      try {
        tell(await action(state, form));
      } catch {
        tell({ ...initial, error: "The server could not be reached. Try again.", text });
      }
    });
  }

  return {
    state,
    isPending,
    form: { action: act, onSubmit: send },
    box: { ref: box, defaultValue: answered.text },
  };
}
