import { type FormEvent, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { fieldClass } from "@/components/ui/field";
import { maxQuestionLength } from "./conversation";

const examples = ["Who are you?", "What if I reload now?", "Count to 500"];

interface QuestionFormProps {
  isAnswering: boolean;
  /** What the assistant does. */
  state: string;
  error: string | undefined;
  onAsk: (text: string) => void;
  onStop: () => Promise<void>;
}

export function QuestionForm({ isAnswering, state, error, onAsk, onStop }: QuestionFormProps) {
  const box = useRef<HTMLInputElement>(null);
  const [stopError, setStopError] = useState<string>();

  const send = (event: FormEvent) => {
    event.preventDefault();
    const text = box.current?.value.trim();
    if (isAnswering || !text || !box.current) return;
    box.current.value = "";
    ask(text);
  };
  const ask = (text: string) => {
    setStopError(undefined);
    if (!isAnswering) onAsk(text);
  };
  const stop = async () => {
    try {
      await onStop();
      setStopError(undefined);
    } catch {
      setStopError("The answer could not be stopped. Try again.");
    }
  };

  return (
    <form onSubmit={send} className="grid gap-2 border-t border-line p-4 sm:px-5">
      <ul aria-label="Examples" className="flex flex-wrap gap-2">
        {examples.map((text) => (
          <li key={text}>
            <Button small aria-disabled={isAnswering} onClick={() => ask(text)}>
              {text}
            </Button>
          </li>
        ))}
      </ul>
      <div className="flex gap-2">
        <label htmlFor="question" className="sr-only">
          Your question
        </label>
        <input
          ref={box}
          id="question"
          placeholder="Ask the assistant"
          autoComplete="off"
          maxLength={maxQuestionLength}
          aria-describedby="question-outcome"
          className={fieldClass}
        />
        {/* One button, so that it keeps the focus. Enter in the text does not stop the answer. */}
        <Button
          type={isAnswering ? "button" : "submit"}
          variant="primary"
          className="min-w-20"
          data-command="ask-stop"
          onClick={() => {
            if (isAnswering) void stop();
          }}
        >
          {isAnswering ? "Stop" : "Ask"}
        </Button>
      </div>
      {/* Always rendered with a line's height, so that a result moves nothing. */}
      <output id="question-outcome" className="block min-h-5 text-sm/5 text-muted">
        <span data-testid="chat-state">{state}</span>{" "}
        <span className="text-bad">{stopError ?? error}</span>
      </output>
    </form>
  );
}
