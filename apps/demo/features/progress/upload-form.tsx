import { useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { maxUploadBytes } from "./job";

const sampleBytes = 20_000_000;

/** Uploads a file. `refusal` is the reason why an upload was not cancelled. The server publishes the progress, because it knows what has arrived. */
export function UploadForm({ refusal: cancelRefusal }: { refusal: string | undefined }) {
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
    <div className="grid content-start gap-2 border-b border-line bg-sunken p-4 text-sm/5 sm:px-5">
      <label htmlFor="upload-file" className="font-medium">
        File of at most 100 MB, which the server does not store
      </label>
      <div className="flex flex-wrap items-center gap-2">
        <input
          ref={input}
          id="upload-file"
          type="file"
          aria-describedby="upload-outcome"
          className="h-11 min-w-0 flex-1 basis-48 rounded-lg border border-edge bg-surface p-1.5 text-sm file:mr-3 file:h-7.5 file:rounded-md file:border-0 file:bg-sunken file:px-2 file:text-ink"
        />
        <Button variant="primary" onClick={sendChosen}>
          Upload
        </Button>
        <Button
          onClick={() =>
            void send("Twenty megabytes of zeros", new Blob([new Uint8Array(sampleBytes)]))
          }
        >
          Send 20 MB
        </Button>
      </div>
      <output id="upload-outcome" className="block min-h-5 text-bad">
        {refusal ?? cancelRefusal}
      </output>
    </div>
  );
}
