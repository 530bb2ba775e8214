import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { budget } from "./tools/budget.ts";

const api = process.env.ALPHAPULSE_DEV_API ?? "http://127.0.0.1:5000";

export default defineConfig({
  plugins: [react(), budget({ firstLoadKilobytes: 250 })],
  build: {
    target: "es2023",
    sourcemap: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { port: 5173, proxy: { "/v1": api, "/openapi.json": api } },
  test: {
    environment: "node",
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 30_000,
    isolate: false, // files share one page: each test strikes its own stage
  },
});
