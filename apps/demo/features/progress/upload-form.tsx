import { useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { maxUploadBytes } from "./job";

const sampleBytes = 20_000_000;

/** Uploads a file. The server publishes the progress, because it knows what has arrived. */
export function UploadForm() {
  const input = useRef<HTMLInputElement>(null);
  const [refusal, setRefusal] = useState<string>();

  const send = async (name: string, file: Blob) => {
    setRefusal(undefined);
    if (file.size > maxUploadBytes) return setRefusal("Files may have at most 100 MB.");
    try {
      const url = `/api/upload?name=${encodeURIComponent(name)}`;
      const response = await fetch(url, {
        method: "POST",
        headers: { "X-Upload": "1" },
        body: file,
      });
      if (!response.ok) setRefusal(((await response.json()) as { detail: string }).detail);
    } catch {
      setRefusal("The connection was lost during the upload.");
    }
  };
  const sendChosen = () => {
    const file = input.current?.files?.[0];
    if (file) void send(file.name, file);
    else setRefusal("Choose a file first.");
  };

  return (
    <div className="grid gap-2 border-b border-line bg-sunken p-4 text-sm sm:px-5">
      <label htmlFor="upload-file" className="font-medium">
        File, at most 100 MB; nothing is stored
      </label>
      <div className="flex flex-wrap items-center gap-2">
        <input
          ref={input}
          id="upload-file"
          type="file"
          aria-describedby="upload-outcome"
          className="min-w-0 flex-1 basis-48 rounded-lg border border-edge bg-surface p-1.5 text-sm file:mr-3 file:rounded-md file:border-0 file:bg-sunken file:px-2 file:py-1 file:text-ink"
        />
        <Button small onClick={sendChosen}>
          Upload
        </Button>
        <Button
          small
          variant="quiet"
          onClick={() =>
            void send("Twenty megabytes of zeros", new Blob([new Uint8Array(sampleBytes)]))
          }
        >
          Send 20 MB of zeros
        </Button>
      </div>
      <output id="upload-outcome" className="block min-h-5 text-bad">
        {refusal}
      </output>
    </div>
  );
}
