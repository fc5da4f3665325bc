import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const house = process.env["ONDOL_DEV_SERVER"] ?? "http://127.0.0.1:8000";

/** Holds the first painting until the script has put the chosen theme on the page; Vite drops the attribute. */
const paintAfterTheme: Plugin = {
  name: "paint-after-theme",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

export default defineConfig({
  plugins: [react(), paintAfterTheme],
  build: {
    outDir: "../src/ondol/ui/static",
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    // The house sends `default-src 'self'`, which forbids data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": house, "/v2": house, "/health": house } },
});
