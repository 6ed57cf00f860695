import { act, explain } from "./api.ts";
import { byId, make } from "./dom.ts";

/** Publishes what the form says; the server decides whether it is valid. */
export function startPublishForm(): void {
  const form = byId("publish-form") as HTMLFormElement;
  const outcome = byId("published");
  const button = form.querySelector("button") as HTMLButtonElement;

  async function publish(): Promise<void> {
    const text = (name: string): string =>
      (form.elements.namedItem(name) as HTMLInputElement).value.trim();
    let data: unknown;
    try {
      data = JSON.parse(text("data"));
    } catch (error) {
      show(`The data is not JSON: ${(error as Error).message}`, true);
      return;
    }
    const [event, key] = [text("event"), text("key")];
    const message = {
      channel: text("channel"),
      data,
      ...(event && { event }),
      ...(key && { key }),
    };
    button.disabled = true;
    try {
      const { id } = await act<{ id: string }>("publish", message);
      show(`Published as ${id}`, false);
    } catch (error) {
      show(explain(error), true);
    } finally {
      button.disabled = false;
      // A disabled button loses the focus.
      if (document.activeElement === document.body) button.focus();
    }
  }

  function show(text: string, isBad: boolean): void {
    outcome.replaceChildren(make("span", { class: isBad ? "bad" : "good" }, text));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void publish();
  });
}
