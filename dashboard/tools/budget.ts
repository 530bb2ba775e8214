import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

type Bundle = Rolldown.OutputBundle;

/** Prints what a first visit loads, compressed, for each page, and fails the build above the budget. */
export function budget({ firstLoadKilobytes }: { firstLoadKilobytes: number }): Plugin {
  return {
    name: "budget",
    apply: "build",
    writeBundle(_options, bundle) {
      const sizes = [...firstLoads(bundle)].sort((a, b) => b[1] - a[1]);
      for (const [page, bytes] of sizes) {
        this.info(`first load of ${page}: ${(bytes / 1000).toFixed(1)} kB compressed`);
      }
      const over = sizes.filter(([, bytes]) => bytes > firstLoadKilobytes * 1000);
      if (over.length > 0) {
        const names = over.map(([page]) => page).join(", ");
        this.error(`above the budget of ${firstLoadKilobytes} kB: ${names}. Load less, or later.`);
      }
    },
  };
}

function* firstLoads(bundle: Bundle): Generator<[string, number]> {
  const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
  const entry = chunks.find((chunk) => chunk.isEntry);
  if (!entry) throw new Error("the bundle has no entry");
  const shell = reach(bundle, entry);
  const html = bundle["index.html"];
  for (const name of entry.dynamicImports) {
    const page = bundle[name];
    if (page?.type !== "chunk") continue;
    const files = new Set([...shell, ...reach(bundle, page)]);
    let bytes = html ? packed(html) : 0;
    for (const file of files) {
      const found = bundle[file];
      if (found) bytes += packed(found);
    }
    yield [page.name, bytes];
  }
}

function reach(bundle: Bundle, from: Rolldown.OutputChunk, seen = new Set<string>()): Set<string> {
  if (seen.has(from.fileName)) return seen;
  seen.add(from.fileName);
  for (const sheet of from.viteMetadata?.importedCss ?? []) seen.add(sheet);
  for (const name of from.imports) {
    const next = bundle[name];
    if (next?.type === "chunk") reach(bundle, next, seen);
  }
  return seen;
}

function packed(file: Rolldown.OutputChunk | Rolldown.OutputAsset): number {
  return gzipSync(file.type === "chunk" ? file.code : file.source, { level: 6 }).length;
}
