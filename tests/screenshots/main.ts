/**
 * `npm run screenshots [-- URL]`: pictures of the dashboard of a running cluster, written to tests/screenshots/out; with
 * `--act --readme` also docs/images/dashboard.png. URL is the argument, PAPERFLEET_URL, or http://127.0.0.1:7070. The cluster is
 * looked at and not changed, except by `--act`, which kills a node, takes the pictures of it and recovers it.
 * `--only TEXT` takes the pictures whose names contain it.
 * Chromium is found in PAPERFLEET_CHROMIUM or at /usr/bin/chromium.
 */
import { copyFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly dark: boolean;
  readonly prepare?: (page: Page) => Promise<void>;
}

const OUT = path.join(import.meta.dirname, 'out');
const README_IMAGE = path.join(import.meta.dirname, '../../docs/images/dashboard.png');
const README_SHOT = 'down-light-1600';
const MAX_README_BYTES = 300 * 1024;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SIZES = [
  [1366, 625],
  [1920, 1080],
] as const;

const args = process.argv.slice(2);
const base = (args.find((arg) => /^https?:/.test(arg)) ?? process.env['PAPERFLEET_URL'] ?? 'http://127.0.0.1:7070').replace(/\/$/, '');

interface Cluster {
  readonly nodes: readonly { readonly name: string }[];
  readonly services: readonly { readonly name: string }[];
}

async function lookAt(url: string): Promise<Cluster> {
  let response: Response;
  try {
    response = await fetch(`${url}/api/runs/live/snapshot`);
  } catch {
    throw new Error(
      `Nothing answers at ${url}. Start a cluster (npm start), or name its address: npm run screenshots -- http://127.0.0.1:7070`,
    );
  }
  if (!response.ok) throw new Error(`${url}/api/runs/live/snapshot answered ${response.status}`);
  return (await response.json()) as Cluster;
}

function shotsOf(cluster: Cluster): Shot[] {
  const node = cluster.nodes[0]?.name;
  const service = cluster.services[0]?.name;
  const routes: (readonly [string, string, Shot['prepare']?])[] = [
    ['map', '/r/live/map'],
    ['services', '/r/live/services'],
    ['nodes', '/r/live/nodes'],
    ['events', '/r/live/events'],
    ['projector', '/r/live/map?view=projector'],
  ];
  if (service !== undefined)
    routes.push(
      ['service', `/r/live/services/${encodeURIComponent(service)}`],
      ['why', `/r/live/map?sel=service:${encodeURIComponent(service)}`],
    );
  if (node !== undefined) routes.push(['node', `/r/live/nodes/${encodeURIComponent(node)}`]);
  const shots = SIZES.flatMap(([width, height]) =>
    [false, true].flatMap((dark) =>
      routes.map(([name, route]): Shot => ({ name: `${name}-${dark ? 'dark' : 'light'}-${width}`, path: route, width, height, dark })),
    ),
  );
  return [...shots, { name: 'map-light-360', path: '/r/live/map', width: 360, height: 740, dark: false }];
}

/** What was wrong with the pages, besides their looks. */
const problems: string[] = [];

async function take(browser: Browser, shot: Shot): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: shot.width, height: shot.height },
    colorScheme: shot.dark ? 'dark' : 'light',
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith('data:')) faults.push(`request to another origin: ${request.url()}`);
  });
  await page.goto(base + shot.path);
  await page.waitForFunction(
    () => (window as { __pf?: { seq(): number } }).__pf !== undefined && (window as unknown as { __pf: { seq(): number } }).__pf.seq() >= 0,
  );
  await shot.prepare?.(page);
  // Two rounds of metrics and charts.
  await page.waitForTimeout(2500);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) faults.push(`scrolls sideways by ${overflow} px`);
  await page.screenshot({ path: path.join(OUT, `${shot.name}.png`) });
  await context.close();
  console.log(path.join('tests/screenshots/out', `${shot.name}.png`));
  for (const fault of faults) problems.push(`${shot.name}: ${fault}`);
}

async function send(route: string, body: unknown): Promise<void> {
  const response = await fetch(`${base}/api/runs/live/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
}

/** Kills the third node, shows the gap between truth and belief and then the replacement, and recovers it. */
async function takeFailure(browser: Browser, cluster: Cluster): Promise<void> {
  const node = (cluster.nodes[2] ?? cluster.nodes[0])?.name;
  if (node === undefined) return;
  await send('faults', { nodes: [node], fault: { fault: 'crash' } });
  const shot = { path: `/r/live/map?sel=node:${encodeURIComponent(node)}`, width: 1366, height: 625, dark: false };
  try {
    await take(browser, { ...shot, name: 'crashed-light-1366' });
    const prepare = async (page: Page): Promise<void> => {
      await page.getByTestId('why').getByText('is down', { exact: false }).first().waitFor({ timeout: 60_000 });
    };
    await take(browser, { ...shot, name: README_SHOT, width: 1600, height: 900, prepare });
    await take(browser, { ...shot, name: 'down-light-1366', prepare });
  } finally {
    await send('faults', { nodes: [node], fault: { fault: 'recover' } });
  }
}

async function main(): Promise<void> {
  const cluster = await lookAt(base);
  await mkdir(OUT, { recursive: true });
  const browser = await chromium.launch({ executablePath: process.env['PAPERFLEET_CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
  try {
    const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '') : '';
    for (const shot of shotsOf(cluster)) if (shot.name.includes(only)) await take(browser, shot);
    if (args.includes('--act')) await takeFailure(browser, cluster);
  } finally {
    await browser.close();
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  if (args.includes('--readme')) {
    const image = path.join(OUT, `${README_SHOT}.png`);
    const { size } = await stat(image);
    if (size > MAX_README_BYTES) throw new Error(`${image} has ${size} bytes, the README's picture may have ${MAX_README_BYTES}`);
    await mkdir(path.dirname(README_IMAGE), { recursive: true });
    await copyFile(image, README_IMAGE);
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
