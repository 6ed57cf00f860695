import type { ConnectionSnapshot } from "../../http/inspect.ts";
import { act, explain } from "./api.ts";
import { byId, make, setText } from "./dom.ts";

/** Asks which streams to disconnect, beginning with one of the table. */
export function createDisconnectDialog(): (stream: ConnectionSnapshot) => void {
  const dialog = byId("disconnect") as HTMLDialogElement;
  const form = dialog.querySelector("form") as HTMLFormElement;
  const outcome = byId("disconnected");
  let stream: ConnectionSnapshot | undefined;

  async function disconnect(): Promise<void> {
    const fields = new FormData(form);
    const code = fields.get("code") as string;
    const isByIdentity = fields.get("target") === "identity";
    const target = isByIdentity ? { identity: stream?.identity?.id } : { connection: stream?.id };
    try {
      await act("disconnect", { ...target, ...(code && { code }) });
      dialog.close();
    } catch (error) {
      outcome.replaceChildren(make("span", { class: "bad" }, explain(error)));
    }
  }

  byId("cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void disconnect();
  });

  return (chosen) => {
    stream = chosen;
    form.reset();
    outcome.replaceChildren();
    setText(byId("disconnect-connection"), chosen.id);
    byId("disconnect-by-identity").hidden = chosen.identity === undefined;
    setText(byId("disconnect-identity"), chosen.identity?.id ?? "");
    dialog.showModal();
  };
}
