import { confirm, isCancel, select } from "./vendor-prompts.ts";

/** What the user decides about the plan as shown. */
export type Decision = "apply" | "diff" | "cancel";

/** Questions in the terminal. */
export interface Ask {
  decision(): Promise<Decision>;
  /** Whether to replace a file that is there for something else. */
  replace(path: string): Promise<boolean | "cancel">;
}

export const askInTerminal: Ask = {
  async decision() {
    const answer = await select<Decision>({
      message: "Apply this?",
      options: [
        { value: "apply", label: "Yes" },
        { value: "diff", label: "Show the diff first" },
        { value: "cancel", label: "No" },
      ],
    });
    return isCancel(answer) ? "cancel" : answer;
  },
  async replace(path) {
    const answer = await confirm({
      message: `${path} is there for something else. Replace it?`,
      initialValue: false,
    });
    return isCancel(answer) ? "cancel" : answer;
  },
};
