import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

const server = process.env['PAPERFLEET_URL'] ?? 'http://127.0.0.1:7070';

export default defineConfig({
  plugins: [preact({ prefreshEnabled: false, reactAliasesEnabled: false })],
  resolve: { conditions: ['@paperfleet/source', 'module', 'browser', 'development|production'] },
  build: {
    outDir: 'dist',
    target: 'es2023',
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // The core's modules only define things: what the page does not use need not travel.
      treeshake: { moduleSideEffects: [{ test: /[\\/]core[\\/]src[\\/](?!.*web)/, sideEffects: false }] },
    },
  },
  server: { host: '127.0.0.1', port: 7071, strictPort: false, proxy: { '/api': { target: server, ws: true } } },
});
