/** Composition root of the page. */
import { render } from 'preact';
import { HttpApi } from '../core/index.ts';
import type { ClusterApi } from '../core/index.ts';
import { App } from './app.ts';
import { installHooks } from './hooks.ts';
import { Root } from './root.tsx';

const segments = location.pathname.split('/');
const run = segments[1] === 'r' && segments[2] !== undefined && segments[2] !== '' ? decodeURIComponent(segments[2]) : 'live';

async function chooseApi(): Promise<ClusterApi> {
  const fake = new URLSearchParams(location.search).get('fake');
  if (import.meta.env.DEV && fake !== null) {
    const { FakeApi } = await import('../dev/fake-api.ts');
    const api = new FakeApi(Number(fake) || 10, 7);
    Object.assign(window, { __fake: api });
    return api;
  }
  return new HttpApi(location.origin, run);
}

const app = new App(run, await chooseApi());
installHooks(app);
app.start();
render(<Root app={app} />, document.getElementById('app')!);
