import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The gateway that `npm run dev` shows; another by the variable MILETUS_GATEWAY. */
const gateway = process.env.MILETUS_GATEWAY ?? "http://127.0.0.1:8700";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../build/web",
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false }, // it would be an inline script
    chunkSizeWarningLimit: 600, // ECharts, which comes with the first chart
    assetsInlineLimit: 0, // data: addresses are not in the content security policy
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": { target: gateway, changeOrigin: true },
      "/ws": {
        target: gateway,
        ws: true,
        changeOrigin: true,
        configure: (proxy) =>
          proxy.on("proxyReqWs", (request) => {
            request.setHeader("origin", gateway); // the gateway refuses pages of other origins
          }),
      },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "happy-dom", testTimeout: 60_000, hookTimeout: 60_000 },
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
});
