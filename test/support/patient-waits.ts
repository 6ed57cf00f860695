import { vi } from "vitest";

// `vi.waitFor` gives up after a second, which is less than a busy machine may take. Vitest has no setting for it.
const { waitFor } = vi;

const patient: typeof vi.waitFor = async (callback, options) =>
  waitFor(callback, typeof options === "number" ? options : { timeout: 10_000, ...options });

// A worker that is shared runs this before each of its files.
if (waitFor.name !== patient.name) vi.waitFor = patient;
