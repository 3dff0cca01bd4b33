/** The dashboard, used as people use it: a real browser, a real `paperfleet up`. The tests share one cluster and run in order. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Dashboard, launchBrowser } from '../support/dashboard.ts';
import { endAll, eventually, type Manager, startManager, temporaryFolder } from '../support/paperfleet.ts';

const NODES = 10;
/** Fast enough that nobody waits for a stop grace of ten seconds, slow enough to see that a grace of fifteen has not passed. */
const SPEED = 5;
/** The example shop, pulled and started at once; it has health checks, reservations and load. */
const ARGS = ['--nodes', String(NODES), '--speed', String(SPEED), '--startup-scale', '0', '--seed', 'dashboard'];

let browser: Browser;
let manager: Manager;
let open: Dashboard[] = [];

/** A page of the cluster, closed after the test, which fails when something was wrong with the page. */
async function visit(path = '/', options: Parameters<typeof Dashboard.open>[3] = {}): Promise<Dashboard> {
  const dashboard = await Dashboard.open(browser, manager.url, path, options);
  open.push(dashboard);
  return dashboard;
}

beforeAll(async () => {
  // By address: the scripts are no workspace that tests could import.
  const setup = (await import(new URL('../../scripts/setup.mjs', import.meta.url).href)) as { ensureBuilt: () => Promise<boolean> };
  await setup.ensureBuilt();
  [browser, manager] = await Promise.all([launchBrowser(), startManager({ state: temporaryFolder(), args: ARGS })]);
  await manager.api.settled(NODES);
});
afterEach(async () => {
  const faults = open.flatMap((dashboard) => dashboard.faults);
  await Promise.all(open.map((dashboard) => dashboard.close()));
  open = [];
  await manager.api.playback({ do: 'speed', speed: SPEED });
  await manager.api.playback({ do: 'resume' });
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await endAll();
});

const serviceOf = async (name: string) => (await manager.api.services()).find((service) => service.name === name)!;
const nodeOf = async (name: string) => (await manager.api.nodes()).find((node) => node.name === name)!;
/** Names of a node's tasks that are to run. */
const tasksOn = async (node: string): Promise<readonly string[]> => {
  const { tasks } = await manager.api.get<{ tasks: { name: string; node: string; desired: string; state: string }[] }>('/tasks');
  return tasks.filter((task) => task.node === node && task.state === 'running').map(({ name }) => name);
};

describe('what it shows', () => {
  test('all nodes and all tasks of the cluster', async () => {
    const dashboard = await visit();
    expect(new URL(dashboard.page.url()).pathname).toBe('/r/live/map');
    const { tasks } = await manager.api.status();
    await dashboard.see('pending', `${tasks.running} of ${tasks.desired} tasks running on ${NODES} of ${NODES} nodes`);
    for (let i = 1; i <= NODES; i++) expect((await dashboard.cell(`n${i}`))?.width, `tile of n${i}`).toBeGreaterThan(50);
    expect((await dashboard.cell('shop_web.1'))?.look).toBe('running');
    for (const { name, running } of await manager.api.services())
      expect([name, await dashboard.number(`running-${name}`)]).toEqual([name, running]);
    expect(await dashboard.taskCount()).toBeGreaterThanOrEqual(tasks.running);
  });

  test('every view by its tab, without sideways scrolling on small screens', async () => {
    for (const [width, height] of [
      [1366, 625],
      [360, 740],
    ] as const) {
      const dashboard = await visit('/', { viewport: { width, height } });
      for (const tab of ['services', 'nodes', 'events', 'map']) {
        await dashboard.click(`tab-${tab}`);
        await dashboard.page.waitForURL(`**/${tab}`);
        await dashboard.page.locator('main').waitFor();
        expect(await dashboard.sidewaysOverflow(), `${tab} at ${width} px`).toBeLessThanOrEqual(0);
      }
      const play = await dashboard.page.getByTestId('play').boundingBox();
      expect(play!.y + play!.height, 'the transport stays in view').toBeLessThanOrEqual(height);
    }
  });

  test('why a task is where it is, from its cell', async () => {
    const dashboard = await visit();
    await dashboard.clickMap('shop_api.2');
    await dashboard.see('drawer', 'shop_api.2');
    await dashboard.factIs('state', /running/);
    await dashboard.factIs('node', /^n\d+$/);
    const why = dashboard.page.getByTestId('why');
    await why.getByText('shop_api.2').first().waitFor();
    const [newest] = (await manager.api.get<{ chain: { id: number }[] }>('/why/shop_api.2')).chain;
    expect(newest, 'the server has a decision about it').toBeDefined();
    await dashboard.page.getByText('was placed on').first().waitFor();
    await dashboard.page.getByText('Because', { exact: true }).waitFor();
  });
});

describe('what one does', () => {
  test('+ scales: the wanted count at once, one command for several presses, then the tasks', async () => {
    const dashboard = await visit();
    const before = await serviceOf('shop_web');
    const scaled = async () => (await manager.api.events()).filter(({ explain }) => explain.code === 'SCALED');
    const earlier = (await scaled()).length;
    for (let i = 0; i < 3; i++) await dashboard.click('scale-up-shop_web');
    expect(await dashboard.number('desired-shop_web')).toBe(before.desired + 3);
    await dashboard.page
      .getByTestId('running-shop_web')
      .getByText(String(before.running + 3), { exact: true })
      .waitFor();
    expect((await serviceOf('shop_web')).desired).toBe(before.desired + 3);
    const events = (await scaled()).slice(earlier);
    expect(events.map(({ explain }) => explain)).toMatchObject([{ service: 'shop_web', from: before.desired, to: before.desired + 3 }]);
    await manager.api.settled(NODES);
  });

  test('kill: reality shows at once, the manager finds out after its grace, tasks come up elsewhere', async () => {
    const dashboard = await visit('/r/live/map?sel=node:n3');
    const before = await tasksOn('n3');
    expect(before.length, 'n3 has something to lose').toBeGreaterThan(0);
    await dashboard.click('kill-n3');
    await dashboard.see('kill-n3', 'Press again');
    expect((await nodeOf('n3')).truth, 'one press does nothing').toBe('up');
    await dashboard.click('kill-n3');
    await dashboard.factIs('really', /no power/);
    await dashboard.factIs('manager believes', /ready/);
    expect((await nodeOf('n3')).status).toBe('ready');

    // The grace is 15 simulated seconds.
    await dashboard.page.getByTestId('speed').fill('7');
    await dashboard.see('speed-value', '20×');
    await dashboard.factIs('manager believes', /down/);
    await dashboard.see('why', /n3 (is|is believed) down/);
    await eventually('the tasks run elsewhere', async () => {
      const cells = await Promise.all(before.map((name) => dashboard.cell(name)));
      return cells.every((cell) => cell !== undefined && cell.look === 'running' && cell.node !== 'n3');
    });
    await dashboard.click('recover-n3');
    await dashboard.factIs('manager believes', /ready/);
    await dashboard.factIs('really', /^up$/);
    await manager.api.settled(NODES);
  });

  test('drain and activate', async () => {
    const dashboard = await visit('/r/live/map?sel=node:n5');
    expect((await tasksOn('n5')).length).toBeGreaterThan(0);
    await dashboard.click('drain-n5');
    await dashboard.click('drain-n5');
    await dashboard.factIs('manager believes', /drain/);
    await dashboard.factIs('tasks', /^0$/);
    expect((await nodeOf('n5')).availability).toBe('drain');
    await dashboard.click('activate-n5');
    await dashboard.factIs('manager believes', /^ready/);
    await manager.api.settled(NODES);
  });

  test('a Compose file is deployed; a faulty one is answered with file, line and what to do', async () => {
    const dashboard = await visit('/r/live/services');
    await dashboard.click('deploy');
    await dashboard.page.getByTestId('deploy-name').fill('blog');
    const submit = dashboard.page.getByTestId('deploy-submit');
    expect(await submit.isDisabled(), 'nothing to deploy yet').toBe(true);
    const text = dashboard.page.getByTestId('deploy-text-0');
    await text.fill('services:\n  site:\n    image: nginx\n    deploy:\n      replicas: many\n    portz: ["80:80"]\n');
    await submit.click();
    const alert = dashboard.page.getByTestId('deploy-dialog').getByRole('alert');
    await alert.getByText('compose.yaml:5').waitFor();
    expect(await alert.textContent()).toContain("must be a whole number, not 'many'");
    expect(await alert.textContent()).toContain("did you mean 'ports'?");
    await alert.getByText('compose.yaml:6').click();
    expect(await text.evaluate((field: HTMLTextAreaElement) => field.value.slice(field.selectionStart, field.selectionEnd))).toBe(
      '    portz: ["80:80"]',
    );
    // The refusal is what the browser logs as a failed request; nothing else may be.
    expect(dashboard.faults.filter((fault) => !fault.includes('400'))).toEqual([]);
    dashboard.faults.length = 0;

    await text.fill('services:\n  site:\n    image: nginx\n    deploy:\n      replicas: 2\n');
    await submit.click();
    await dashboard.page.getByTestId('deploy-dialog').waitFor({ state: 'detached' });
    await dashboard.page.getByTestId('services').getByText('blog_site').waitFor();
    await eventually('both run', async () => (await serviceOf('blog_site'))?.running === 2);
  });

  test('a task that fits nowhere waits in the tray and says why', async () => {
    await manager.api.deploy(
      'services:\n  huge:\n    image: nginx\n    deploy:\n      resources: { reservations: { cpus: "64" } }\n',
      'lab',
    );
    const dashboard = await visit();
    await dashboard.see('pending', '1 pending');
    await dashboard.see('pending', `${NODES} short of CPU or memory`);
    await dashboard.page.getByTestId('pending').getByRole('button', { name: 'lab_huge.1' }).click();
    await dashboard.see('why', 'waits for a node: no suitable node (insufficient resources');
    await dashboard.factIs('would fit if', /^n\d+ had \S+ more free cpu/i);
    await dashboard.page.goto(`${manager.url}/r/live/services`);
    await dashboard.click('remove-lab_huge');
    await dashboard.click('remove-lab_huge');
    await dashboard.page.getByTestId('services').getByText('lab_huge').waitFor({ state: 'detached' });
  });
});

describe('time', () => {
  test('pause stops it, Space takes it up again, the slider sets its speed', async () => {
    const dashboard = await visit();
    await dashboard.click('play');
    await dashboard.see('standing', 'PAUSED');
    const at = await dashboard.simTime();
    const { simUs } = await manager.api.status().then(({ run }) => run.playback);
    expect(at).toBe(simUs);
    await dashboard.page.waitForTimeout(600);
    expect(await dashboard.simTime()).toBe(at);
    await dashboard.page.locator('.brand').focus();
    await dashboard.page.keyboard.press('Escape');
    await dashboard.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await dashboard.page.keyboard.press('Space');
    await eventually('time goes on', async () => (await dashboard.simTime()) > at);

    await dashboard.page.getByTestId('speed').focus();
    await dashboard.page.keyboard.press('End');
    await dashboard.see('speed-value', '100×');
    await eventually('the cluster runs so fast', async () => (await manager.api.status()).run.playback.speed === 100);
    await dashboard.click('speed-value');
    await dashboard.see('speed-value', /^1×$/);

    await dashboard.click('play');
    await dashboard.see('standing', 'PAUSED');
    const paused = await dashboard.simTime();
    await dashboard.click('step-window');
    await eventually('one step', async () => (await dashboard.simTime()) > paused);
    await dashboard.see('standing', 'PAUSED');
  });
});

describe('for everyone', () => {
  test('the keyboard alone: search, views, help, a task of the map and why, drain', async () => {
    const dashboard = await visit();
    const { page } = dashboard;
    await page.keyboard.press('/');
    await page.keyboard.type('svc:shop_db');
    await page.getByTestId('matches').getByText('1 match').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.getByTestId('matches').waitFor({ state: 'detached' });

    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.waitForURL('**/nodes');
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.waitForURL('**/map');

    await page.keyboard.press('?');
    await page.getByTestId('help-dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('help-dialog').waitFor({ state: 'detached' });

    // By Tab alone into the map; on the way every stop must be seen to have the focus.
    const stops: string[] = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(focusOf);
      stops.push(stop.name);
      if (stop.role === 'rowheader') break;
      expect(stop.visible, `focus can be seen on ${stop.name}`).toBe(true);
    }
    expect(stops.at(-1), `by way of ${stops.join(', ')}`).toMatch(/^n1, ready/);
    await page.keyboard.press('ArrowRight');
    await eventually('a task has the focus', async () => (await page.evaluate(focusOf)).role === 'gridcell');
    const task = (await page.evaluate(focusOf)).name.split(',')[0]!;
    await page.keyboard.press('Enter');
    await page.getByTestId('drawer').getByText(task).first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('drawer').waitFor({ state: 'detached' });

    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowDown');
    await eventually('the next node has the focus', async () => (await page.evaluate(focusOf)).role === 'rowheader');
    const node = (await page.evaluate(focusOf)).name.split(',')[0]!;
    await page.keyboard.press('Enter');
    await page.getByTestId('drawer').getByText(node).first().waitFor();
    await page.keyboard.press('d');
    await page.getByTestId('toast').getByText('Press d again').waitFor();
    await page.keyboard.press('d');
    await eventually('it drains', async () => (await nodeOf(node)).availability === 'drain');
    await manager.api.command({ do: 'updateNode', node, availability: 'active' });
  });

  test('names, roles and contrast of all views and dialogs, light and dark', async () => {
    await manager.api.fault({ nodes: ['n8'], fault: { fault: 'crash' } });
    onTestFinished(async () => void (await manager.api.fault({ nodes: ['n8'], fault: { fault: 'recover' } })));
    const dashboard = await visit();
    const check = async (what: string): Promise<void> => {
      for (const colorScheme of ['dark', 'light'] as const) {
        await dashboard.page.emulateMedia({ colorScheme });
        await dashboard.page.locator(`:root[data-theme=${colorScheme}]`).waitFor();
        await dashboard.expectAccessible(`${what}, ${colorScheme}`);
      }
    };
    const go = async (path: string): Promise<void> => {
      await dashboard.page.goto(`${manager.url}/r/live/${path}`);
      await dashboard.live();
      await dashboard.page.locator('main').waitFor();
    };
    const selections = ['map', 'map?sel=service:shop_web', 'map?sel=node:n8', 'map?view=table'];
    for (const path of [...selections, 'events', 'nodes', 'nodes/n8', 'services/shop_web', 'services']) {
      await go(path);
      await check(path);
    }
    await dashboard.page.keyboard.press('?');
    await dashboard.page.getByTestId('help-dialog').waitFor();
    await check('help');
    await dashboard.page.keyboard.press('Escape');
    await dashboard.click('deploy');
    await dashboard.page.getByTestId('deploy-text-0').fill('services: {}');
    await check('deploy');
    await dashboard.page.getByTestId('deploy-submit').hover();
    await check('pointer on the main button');
    await go('nodes/n1');
    await dashboard.click('kill-n1');
    await dashboard.see('kill-n1', 'Press again');
    await dashboard.expectAccessible('kill, armed');
  });
});

test('the server is killed and comes back: the page says so, and recovers by itself', async () => {
  await manager.api.settled(NODES);
  const dashboard = await visit();
  await manager.program.kill('SIGKILL');
  await dashboard.see('connection', /reconnecting/);
  // While nobody listens the browser logs refused connections, as it should.
  dashboard.faults.length = 0;
  manager = await startManager({ state: manager.state, port: manager.port, args: ARGS });
  await dashboard.live();
  expect(dashboard.faults.filter((fault) => !fault.includes('WebSocket'))).toEqual([]);
  dashboard.faults.length = 0;
  await dashboard.see('pending', `on ${NODES} of ${NODES} nodes`);
  // What ran since the last journal entry or checkpoint is run again, so the clock may have gone back, to where the server stands.
  const first = await dashboard.simTime();
  expect(first).toBeGreaterThanOrEqual(manager.resumedAt!);
  await eventually('time goes on', async () => (await dashboard.simTime()) > first);
  const { desired } = await serviceOf('shop_db');
  await dashboard.click('scale-up-shop_db');
  await dashboard.page
    .getByTestId('running-shop_db')
    .getByText(String(desired + 1), { exact: true })
    .waitFor();
});

/** Runs in the page: what has the focus, and whether that can be seen. */
function focusOf(): { role: string; name: string; visible: boolean } {
  const element = document.activeElement ?? document.body;
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0;
  const box = element.closest('label');
  const around = box === null ? undefined : getComputedStyle(box);
  return {
    role: element.getAttribute('role') ?? element.tagName.toLowerCase(),
    name: element.getAttribute('aria-label') ?? element.textContent ?? '',
    visible:
      outlined || style.boxShadow !== 'none' || (around !== undefined && (around.outlineStyle !== 'none' || around.boxShadow !== 'none')),
  };
}
