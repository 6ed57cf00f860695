import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HomeLayout } from "fumadocs-ui/layouts/home";
import { Landing } from "@/components/landing.tsx";
import { layoutOptions } from "@/components/layout-options.tsx";
import { listEntries, readNavigation } from "@/lib/navigation.ts";
import { Markdown } from "@/lib/render.tsx";
import { repository } from "@/lib/repository.ts";

const SAMPLES = [
  ["Open a route", "apps/docs/examples/route.ts", "app/api/sse/route.ts"],
  ["Publish anywhere on the server", "apps/docs/examples/publish.ts", "lib/orders.ts"],
  ["Show it on any page", "apps/docs/examples/order-status.tsx", "app/order-status.tsx"],
] as const;

export default function Home() {
  const sections = readNavigation();
  const quickstart = listEntries(sections).find(({ file }) => file === "docs/quickstart.md");
  const samples = SAMPLES.map(([title, source, file]) => ({
    title,
    file,
    code: <Sample file={source} name={title} />,
  }));
  const { links = [], ...options } = layoutOptions();
  return (
    <HomeLayout
      id="content"
      {...options}
      links={[{ text: "Documentation", url: "/docs" }, ...links]}
    >
      <Landing start={quickstart?.address ?? "/docs"} samples={samples} sections={sections} />
    </HomeLayout>
  );
}

function Sample({ file, name }: { file: string; name: string }) {
  const code = readFileSync(join(repository, file), "utf8");
  return <Markdown file={file} codeName={name} markdown={`\`\`\`tsx\n${code}\`\`\``} />;
}
