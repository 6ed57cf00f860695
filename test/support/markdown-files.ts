import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { repository } from "./repository.ts";

/** Every Markdown file of the repository, also those that are not committed yet. */
export async function listMarkdown(): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
    { cwd: repository },
  );
  return [...new Set(stdout.split("\0").filter(Boolean))].toSorted();
}
