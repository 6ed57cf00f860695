import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { Deployment, type IDeployment } from "kubernetes-models/apps/v1";
import { Ingress, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { type IService, Service } from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { lastOf, readDockerfile } from "./dockerfile.ts";
import { type Manifest, manifestFolder, readManifests, readRollout } from "./manifests.ts";

/** The schemas of Kubernetes, by kind. */
const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  Deployment,
  HTTPRoute,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
};

const manifests = await readManifests();
const objects = manifests.filter(({ kind }) => kind !== "Kustomization");

test.each(objects.map((each) => [`${each.kind} ${each.metadata.name} of ${each.file}`, each]))(
  "%s is what the schema of Kubernetes describes",
  (_name, { file: _file, ...object }) => {
    const Model = MODELS[object.kind] as (typeof MODELS)[string];
    new Model(object as never).validate();
  },
);

test("a value of the wrong type, or one that is missing, does not pass", () => {
  const { file: _file, ...deployment } = find("Deployment", "app");
  const text = JSON.stringify(deployment);
  for (const [from, to] of [
    ['"replicas":2', '"replicas":"two"'],
    ['"name":"app","image"', '"image"'],
  ] as const) {
    expect(text).toContain(from);
    const changed = JSON.parse(text.replace(from, to)) as never;
    expect(() => new Deployment(changed).validate(), to).toThrow(/must/);
  }
});

test("no manifest has a key that Kubernetes does not know", async () => {
  expect(await unknownKeys(objects)).toEqual([]);
  const text = JSON.stringify(find("Deployment", "app"));
  const changed = text.replace('"httpGet"', '"httpGets"').replace('"sleep"', '"slep"');
  expect(await unknownKeys([JSON.parse(changed) as Manifest])).toEqual(["httpGets", "slep"]);
}, 60_000);

test("kustomization.yaml has every manifest but one of the two ways in, and names every image", async () => {
  const text = await readFile(join(manifestFolder, "kustomization.yaml"), "utf8");
  const { resources, images } = parse(text) as {
    resources: string[];
    images: { name: string; newTag: string }[];
  };
  const files = (await readdir(manifestFolder)).filter(
    (name) => !["kustomization.yaml", "ingress.yaml"].includes(name),
  );
  expect(resources.toSorted()).toEqual(files.toSorted());
  const used = deployments().map((each) => each.spec?.template.spec?.containers[0]?.image);
  expect(images.map(({ name }) => name)).toEqual(used);
  for (const { newTag } of images) expect(newTag).toMatch(/^\d+\.\d+\.\d+$/);
});

describe.each([
  ["app", "app", "/api/health"],
  ["sse-bus-hub", "hub", "/health"],
])("the Deployment %s", (name, folder, healthPath) => {
  const { spec } = find("Deployment", name) as unknown as Required<IDeployment>;
  const pod = spec.template.spec;
  const container = pod?.containers[0];

  test("has its pods selected by its Service and its PodDisruptionBudget", () => {
    const labels = spec.template.metadata?.labels;
    expect(labels).toEqual({ "app.kubernetes.io/name": name });
    expect(spec.selector.matchLabels).toEqual(labels);
    const service = find("Service", name) as unknown as Required<IService>;
    expect(service.spec.selector).toEqual(labels);
    expect(service.spec.ports?.[0]?.targetPort).toBe(container?.ports?.[0]?.name);
    expect(find("PodDisruptionBudget", name)).toMatchObject({
      spec: { selector: { matchLabels: labels } },
    });
  });

  test("listens on the port of its image, as the same user", async () => {
    const stages = await readDockerfile(join(repository, "deploy/docker", folder, "Dockerfile"));
    const last = stages.at(-1) as (typeof stages)[number];
    expect(String(container?.ports?.[0]?.containerPort)).toBe(lastOf(last, "EXPOSE")?.text);
    expect(lastOf(last, "USER")?.words[0]).toBe(
      `${pod?.securityContext?.runAsUser}:${pod?.securityContext?.runAsGroup}`,
    );
    expect(container?.securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
  });

  test("is ready by its health, and alive by its port only: a restart does not repair a backend", () => {
    expect(container?.readinessProbe?.httpGet?.path).toBe(healthPath);
    expect(container?.startupProbe?.httpGet?.path).toBe(healthPath);
    expect(container?.livenessProbe?.httpGet).toBeUndefined();
    expect(container?.livenessProbe?.tcpSocket?.port).toBe("http");
  });

  test("has ten seconds to drain after preStop, and always a pod that is ready", async () => {
    const { preStopMs, graceMs, replicas } = await readRollout(name);
    expect(preStopMs).toBeGreaterThanOrEqual(5_000);
    expect(graceMs - preStopMs).toBeGreaterThanOrEqual(10_000);
    expect(replicas).toBeGreaterThanOrEqual(2);
    expect(spec.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  });
});

test("no way in limits how long a stream may take", () => {
  const route = find("HTTPRoute", "app") as unknown as {
    spec: { rules: { matches?: { path: { value: string } }[]; timeouts?: object }[] };
  };
  const stream = route.spec.rules.find(({ matches }) => matches?.[0]?.path.value === "/api/sse");
  expect(stream?.timeouts).toEqual({ request: "0s", backendRequest: "0s" });
  const { annotations } = find("Ingress", "app-streams").metadata as unknown as {
    annotations: Record<string, string>;
  };
  const timeout = Number(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]);
  expect(timeout).toBeGreaterThan(2 * 15);
});

function find(kind: string, name: string): Manifest {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === name);
  if (!found) throw new Error(`No ${kind} ${name}`);
  return found;
}

function deployments(): IDeployment[] {
  return objects.filter(({ kind }) => kind === "Deployment") as unknown as IDeployment[];
}

/** The schemas accept unknown keys. The compiler finds them, in object literals of the types that belong to the schemas. */
async function unknownKeys(manifests: readonly Manifest[]): Promise<string[]> {
  await using folder = await tempFolder("manifests", join(repository, ".cache"));
  const lines = manifests.map(({ file: _file, ...object }) => {
    const [version, group] = object.apiVersion.split("/").toReversed();
    const path = [group, version].filter(Boolean).join("/");
    const models =
      group === "gateway.networking.k8s.io"
        ? "@kubernetes-models/gateway-api"
        : "kubernetes-models";
    return `(${JSON.stringify(object, null, 1)}) satisfies import("${models}/${path}").I${object.kind};`;
  });
  const file = join(folder.path, "manifests.ts");
  await writeFile(file, `${lines.join("\n")}\nexport {};\n`);
  const tsc = join(repository, "node_modules/.bin/tsc");
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--ignoreConfig",
  ];
  const output = await runProcess(tsc, [...flags, "--types", "", file]).catch(String);
  const found = [...output.matchAll(/error TS\d+: (.*)/g)].map(([, message = ""]) => message);
  return found.map((message) => /'"?(\w+)"?' does not exist in type/.exec(message)?.[1] ?? message);
}
