/** The dashboard in a real browser: pages that note what is wrong with them, and looks at what people see. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { eventually } from './paperfleet.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `npm test` says which browser; else Debian's. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env['PAPERFLEET_CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });

/** A box on the map, in pixels of the window; `look` is empty for nodes. */
interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly look: string;
  readonly node: string;
}

/** What the page offers to tests in `window.__pf`. */
interface PageHooks {
  cell(id: string): Cell | undefined;
  stats(): { readonly tasks: number } | undefined;
  simTime(): number;
}

/** A page of the dashboard. */
export class Dashboard {
  readonly page: Page;
  readonly base: string;
  /** Errors on the console, uncaught errors, requests to anybody but the server, refused requests. */
  readonly faults: string[];

  private constructor(page: Page, base: string, faults: string[]) {
    this.page = page;
    this.base = base;
    this.faults = faults;
  }

  /** Opens a path of the dashboard and waits until it shows the cluster. */
  static async open(browser: Browser, base: string, path = '/', options: BrowserContextOptions = {}): Promise<Dashboard> {
    const context = await browser.newContext({ viewport: { width: 1366, height: 625 }, reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
    });
    const foreign = (url: string): boolean => !url.startsWith('data:') && new URL(url).host !== new URL(base).host;
    page.on('request', (request) => foreign(request.url()) && faults.push(`foreign request: ${request.url()}`));
    page.on('websocket', (socket) => foreign(socket.url()) && faults.push(`foreign socket: ${socket.url()}`));
    page.on('response', (response) => response.status() >= 400 && faults.push(`${response.status()}: ${response.url()}`));
    await page.goto(base + path);
    const dashboard = new Dashboard(page, base, faults);
    await dashboard.live();
    return dashboard;
  }

  /** Waits until the page follows the cluster. */
  async live(): Promise<void> {
    await this.page.getByTestId('connection').filter({ hasText: 'live' }).waitFor({ state: 'attached' }); // phones have no room for it
  }

  /** Waits until an element (by data-testid) contains a text. */
  async see(testId: string, text: string | RegExp): Promise<void> {
    await this.page.getByTestId(testId).filter({ hasText: text }).first().waitFor();
  }

  async click(testId: string): Promise<void> {
    await this.page.getByTestId(testId).first().click();
  }

  async text(testId: string): Promise<string> {
    return (await this.page.getByTestId(testId).first().textContent()) ?? '';
  }

  async number(testId: string): Promise<number> {
    return Number(await this.text(testId));
  }

  /** The value that stands beside a label in the drawer. */
  async fact(label: string): Promise<string> {
    const row = this.page
      .getByTestId('drawer')
      .locator('.facts > div')
      .filter({ has: this.page.locator('dt', { hasText: label }) });
    return ((await row.first().locator('dd').textContent()) ?? '').trim();
  }

  /** Waits until the drawer says so. */
  async factIs(label: string, what: RegExp): Promise<void> {
    let seen = '';
    await eventually(
      () => `${label} is ${what}; it is ‘${seen}’`,
      async () => what.test((seen = await this.fact(label))),
      20_000,
    );
  }

  /** Boxes on the map, by task or node name; undefined for what is not there. */
  cell(name: string): Promise<Cell | undefined> {
    return this.page.evaluate((id) => (window as unknown as { __pf: PageHooks }).__pf.cell(id), name);
  }

  /** Presses on the middle of a task or on the name of a node's tile. */
  async clickMap(name: string, part: 'middle' | 'corner' = 'middle'): Promise<void> {
    const box = await eventually(`${name} stands on the map`, () => this.cell(name), 20_000);
    if (part === 'middle') await this.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    else await this.page.mouse.click(box.x + 14, box.y + 10);
  }

  /** Tasks that the page knows of. */
  taskCount(): Promise<number> {
    return this.page.evaluate(() => (window as unknown as { __pf: PageHooks }).__pf.stats()?.tasks ?? 0);
  }

  simTime(): Promise<number> {
    return this.page.evaluate(() => (window as unknown as { __pf: PageHooks }).__pf.simTime());
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** Pixels by which the document is wider than the window. */
  sidewaysOverflow(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }

  /** Fails when a control cannot be named or operated, or text cannot be read. */
  async expectAccessible(what: string): Promise<void> {
    expect(await this.page.evaluate(findUnnamed), `${what}: controls without a name, roles out of place`).toEqual([]);
    expect(await this.page.evaluate(findPale), `${what}: text with too little contrast`).toEqual([]);
  }
}

/** Runs in the page: what assistive technology could not name or place. */
function findUnnamed(): string[] {
  const wrong: string[] = [];
  const shown = (element: Element): boolean => element.checkVisibility({ visibilityProperty: true });
  const nameOf = (element: Element): string => {
    const labels = element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? [...(element.labels ?? [])] : [];
    const by = (element.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '');
    const field = element.matches('input, textarea, select');
    return [element.getAttribute('aria-label') ?? '', ...by, ...labels.map((label) => label.textContent), field ? '' : element.textContent]
      .join('')
      .trim();
  };
  const say = (element: Element, trouble: string): number => wrong.push(`${trouble}: ${element.outerHTML.slice(0, 120)}`);
  for (const element of document.querySelectorAll(
    'button, a[href], input, textarea, select, dialog, [role=grid], [role=img], nav, aside, section[aria-label]',
  ))
    if (shown(element) && nameOf(element) === '') say(element, 'no name');
  for (const element of document.querySelectorAll('[tabindex], [onclick]'))
    if (shown(element) && element.getAttribute('role') === null && !element.matches('button, a, input, textarea, select, summary'))
      say(element, 'operable without a role');
  for (const element of document.querySelectorAll('[id]'))
    if (document.querySelectorAll(`#${CSS.escape(element.id)}`).length > 1 && !element.closest('svg')) say(element, 'id used twice');
  for (const image of document.querySelectorAll('svg, canvas'))
    if (shown(image) && image.getAttribute('aria-hidden') !== 'true' && nameOf(image) === '')
      say(image, 'picture neither named nor hidden');
  if (document.querySelectorAll('main').length !== 1) wrong.push(`${document.querySelectorAll('main').length} main regions`);
  if (document.documentElement.lang === '') wrong.push('no language');
  if (document.title === '') wrong.push('no title');
  return wrong;
}

/** Runs in the page: text whose contrast with what is behind it is below 4.5 to 1, large text 3 to 1 (WCAG 2.2, 1.4.3). */
function findPale(): string[] {
  type Colour = readonly [number, number, number, number];
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
  const read = (css: string): Colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r!, g!, b!, a! / 255];
  };
  const over = (top: Colour, below: Colour): Colour => {
    const mix = (i: 0 | 1 | 2): number => top[i] * top[3] + below[i] * (1 - top[3]);
    return [mix(0), mix(1), mix(2), 1];
  };
  const behind = (element: Element): Colour => {
    const layers: Colour[] = [];
    for (let at: Element | null = element; at !== null; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight<Colour>((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]: Colour): number => {
    const linear = (value: number): number => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const pale: string[] = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent!.trim());
    const box = element.getBoundingClientRect();
    if (text.join('') === '' || box.width < 2 || box.height < 2 || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (
      element.matches(':disabled, :disabled *, option, noscript, svg *') ||
      element.closest('[aria-hidden=true], .hidden, .map-grid') !== null
    )
      continue;
    const style = getComputedStyle(element);
    const below = behind(element);
    const [a, b] = [light(over(read(style.color), below)), light(below)].sort((x, y) => y - x) as [number, number];
    const ratio = (a + 0.05) / (b + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) pale.push(`${ratio.toFixed(2)}: ${element.className} ‘${text.join(' ').slice(0, 40)}’`);
  }
  return [...new Set(pale)];
}
