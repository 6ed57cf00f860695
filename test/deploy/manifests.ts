import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { IDeployment } from "kubernetes-models/apps/v1";
import { repository } from "../support/repository.ts";

export const manifestFolder = join(repository, "deploy/kubernetes");

export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** The objects of all manifests. */
export async function readManifests(): Promise<Manifest[]> {
  const files = (await readdir(manifestFolder)).filter((name) => name.endsWith(".yaml"));
  const all = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(manifestFolder, file), "utf8");
      return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
        if (document.errors.length > 0) throw new AggregateError(document.errors, file);
        return { file, ...(document.toJS() as Omit<Manifest, "file">) };
      });
    }),
  );
  return all.flat();
}

/** What a rolling update needs to know of a Deployment. */
export interface Rollout {
  readonly replicas: number;
  /** The literal variables of the container. */
  readonly env: Readonly<Record<string, string>>;
  readonly readinessPath: string;
  readonly preStopMs: number;
  readonly graceMs: number;
}

export async function readRollout(name: string): Promise<Rollout> {
  const found = (await readManifests()).find(
    (each) => each.kind === "Deployment" && each.metadata.name === name,
  );
  const { spec } = found as unknown as IDeployment & { spec: object };
  const pod = spec?.template.spec;
  const container = pod?.containers[0];
  const literals = container?.env?.filter(({ value }) => value !== undefined) ?? [];
  return {
    replicas: spec?.replicas ?? 0,
    env: Object.fromEntries(literals.map(({ name: key, value }) => [key, value as string])),
    readinessPath: container?.readinessProbe?.httpGet?.path ?? "",
    preStopMs: (container?.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000,
    graceMs: (pod?.terminationGracePeriodSeconds ?? 0) * 1000,
  };
}
