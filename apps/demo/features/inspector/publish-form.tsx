import { useActionState } from "react";
import { publishAnything } from "@/app/actions/inspector";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";

export function PublishForm() {
  const [{ publishedId, error, code, given }, action, pending] = useActionState(
    publishAnything,
    {},
  );
  return (
    <Card title="Publish" className="flex flex-col lg:h-128">
      <form action={action} className="grid flex-1 content-start gap-3 p-4 text-sm sm:p-5">
        <Field name="channel" label="Channel" value={given?.channel} placeholder="default" />
        <div className="grid grid-cols-2 gap-3">
          <Field name="event" label="Event" value={given?.event} placeholder="message" />
          <Field name="key" label="Key" value={given?.key} placeholder="none" />
        </div>
        <label className="grid gap-1">
          Data, as JSON
          <textarea
            name="data"
            rows={5}
            spellCheck={false}
            defaultValue={given?.data ?? '{ "msg": "HelloWorld" }'}
            className="min-h-24 min-w-0 rounded-lg border border-edge bg-surface px-2.5 py-2 font-mono text-base sm:text-sm"
          />
        </label>
        <Button
          type="submit"
          variant="primary"
          className="justify-self-start"
          aria-disabled={pending}
        >
          Publish
        </Button>
      </form>
      <output
        data-testid="published"
        className="block min-h-16 border-t border-line px-4 py-3 text-sm/5 break-words sm:px-5"
      >
        {error !== undefined && (
          <span className="text-bad">
            {code !== undefined && <span className="font-mono text-xs">{code} </span>}
            {error}
          </span>
        )}
        {publishedId !== undefined && (
          <span className="text-muted">
            Published as <span className="font-mono text-xs break-all">{publishedId}</span>
          </span>
        )}
      </output>
    </Card>
  );
}

interface FieldProps {
  name: string;
  label: string;
  value: string | undefined;
  placeholder: string;
}

function Field({ name, label, value, placeholder }: FieldProps) {
  return (
    <label className="grid min-w-0 gap-1">
      {label}
      <input
        name={name}
        defaultValue={value}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        className="h-9 min-w-0 rounded-lg border border-edge bg-surface px-2.5 font-mono text-base placeholder:text-muted sm:text-sm"
      />
    </label>
  );
}
