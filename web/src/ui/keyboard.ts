/** Keys. Single letters are ignored while typing and can be switched off in the help (WCAG 2.1.4). */
import { killNode, scale, setAvailability, setSpeed, shiftSpeed, step, togglePlay, desiredOf } from './actions.ts';
import type { App } from './app.ts';
import type { Navigation, Tab } from './navigation.ts';

const CHORD_MS = 1200;
const CONFIRM_MS = 2000;
const GO: Readonly<Record<string, Tab>> = { m: 'map', s: 'services', n: 'nodes', e: 'events' };

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input:not([type=range]), textarea, select'));
/** Keys that a focused control needs for itself. */
const isControl = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('button, a, input, [role=gridcell], [role=rowheader], summary');

export class Keyboard {
  readonly #app: App;
  #navigation: Navigation;
  #chordUntil = 0;
  #confirm: { readonly key: string; readonly until: number } | undefined;

  constructor(app: App, navigation: Navigation) {
    this.#app = app;
    this.#navigation = navigation;
  }

  set navigation(navigation: Navigation) {
    this.#navigation = navigation;
  }

  handle(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === 'Escape') return this.#escape(event);
    if (isTyping(event.target) || !this.#app.shortcuts.value || this.#app.deploying.value) return;
    if (event.key === ' ' && isControl(event.target)) return;
    if (this.#act(event)) event.preventDefault();
  }

  #escape(event: KeyboardEvent): void {
    const app = this.#app;
    if (app.help.value) app.help.value = false;
    else if (event.target instanceof HTMLInputElement) event.target.blur();
    else if (this.#navigation.selection !== undefined) this.#navigation.select(undefined);
    else if (this.#navigation.query['q'] !== undefined) this.#navigation.set({ q: undefined });
  }

  /** True when the key meant something. */
  #act(event: KeyboardEvent): boolean {
    const app = this.#app;
    const { key } = event;
    if (performance.now() < this.#chordUntil) {
      this.#chordUntil = 0;
      const tab = GO[key];
      if (tab !== undefined) this.#navigation.go(tab);
      return tab !== undefined;
    }
    switch (key) {
      case ' ':
      case '.':
        void togglePlay(app);
        return true;
      case ']':
        void step(app, 'event');
        return true;
      case '}':
        void step(app, 'window');
        return true;
      case ',':
        void shiftSpeed(app, -1);
        return true;
      case ';':
        void shiftSpeed(app, 1);
        return true;
      case '1':
        void setSpeed(app, 1);
        return true;
      case '/':
        document.querySelector<HTMLInputElement>('[data-testid=search]')?.focus();
        return true;
      case '?':
        app.help.value = !app.help.value;
        return true;
      case 'g':
        this.#chordUntil = performance.now() + CHORD_MS;
        return true;
      case 't':
        app.setTheme(app.theme.value.name === 'dark' ? 'light' : 'dark');
        return true;
      case 'p':
        this.#navigation.set({ view: this.#navigation.query['view'] === 'projector' ? undefined : 'projector' });
        return true;
      default:
        return this.#onSelection(key);
    }
  }

  /** Verbs on what is selected. */
  #onSelection(key: string): boolean {
    const app = this.#app;
    const { selection } = this.#navigation;
    if (selection === undefined) return false;
    if (selection.kind === 'service' && (key === '+' || key === '=' || key === '-')) {
      scale(app, selection.id, desiredOf(app, selection.id) + (key === '-' ? -1 : 1));
      return true;
    }
    if (selection.kind === 'node' && (key === 'k' || key === 'd')) {
      const now = performance.now();
      if (this.#confirm?.key === key && now < this.#confirm.until) {
        this.#confirm = undefined;
        void (key === 'k' ? killNode(app, selection.id) : setAvailability(app, selection.id, 'drain'));
      } else {
        this.#confirm = { key, until: now + CONFIRM_MS };
        app.toast('info', `Press ${key} again to ${key === 'k' ? 'kill' : 'drain'} ${selection.id}`);
      }
      return true;
    }
    return false;
  }
}
