import { type FormEvent, useActionState, useEffect, useRef, useState, useTransition } from "react";

/** The action's result for a form with one text input. */
export interface TextState {
  error?: string;
  /** The typed text, returned with an error. */
  text?: string;
}

/**
 * A form with one text input, which is cleared when it is submitted, not when the response arrives as
 * React does: text typed in between is kept. Refused text is put back if the input is still empty.
 * Works without JavaScript.
 *
 * Spread `form` on the form and `box` on its input.
 */
export function useTextForm<State extends TextState>(
  action: (state: State, form: FormData) => Promise<State>,
  initial: State,
) {
  const [submitted, act] = useActionState(action, initial as Awaited<State>);
  const [outcome, setOutcome] = useState<State>();
  const [isPending, startTransition] = useTransition();
  const box = useRef<HTMLInputElement>(null);
  const givenBack = useRef<string>(undefined);
  const state: State = outcome ?? submitted;

  useEffect(() => {
    const input = box.current;
    if (!input || outcome?.text === undefined) return;
    if (input.value !== "" && input.value !== givenBack.current) return;
    input.value = outcome.text;
    givenBack.current = outcome.text;
  }, [outcome]);

  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = box.current;
    const text = input?.value ?? "";
    if (input) input.value = "";
    startTransition(async () => {
      try {
        setOutcome(await action(state, form));
      } catch {
        setOutcome({ ...initial, error: "The server could not be reached. Try again.", text });
      }
    });
  }

  return {
    state,
    isPending,
    form: { action: act, onSubmit: send },
    box: { ref: box, defaultValue: submitted.text },
  };
}
