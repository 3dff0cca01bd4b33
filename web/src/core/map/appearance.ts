/**
 * Colours, patterns and glyphs of the map, its legend and every table that shows a state. A running cell is a service's
 * hue and pattern; any other state overrides with its own colour and glyph, so that colour never carries two meanings
 * and never alone.
 */
import type { LookName } from '../store/look.ts';

/** 8 hues and 3 patterns; both go round, and as 8 and 3 share no divisor the first 24 services all differ. */
export const HUES = 8;
export const PATTERNS = ['solid', 'stripes', 'dots'] as const;
export type Pattern = (typeof PATTERNS)[number];
export const hueOf = (serviceRow: number): number => (serviceRow < 0 ? HUES - 1 : serviceRow % HUES);
export const patternOf = (serviceRow: number): Pattern => PATTERNS[serviceRow < 0 ? 0 : serviceRow % PATTERNS.length]!;

export interface MapTheme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly panel: string;
  readonly border: string;
  readonly text: string;
  readonly muted: string;
  /** Capacity, what is reserved of it, what is used of it. */
  readonly track: string;
  readonly reserved: string;
  readonly used: string;
  readonly accent: string;
  readonly danger: string;
  readonly dangerTint: string;
  readonly warning: string;
  readonly ok: string;
  readonly stripe: string;
  /** Fill of a service's cells, and the ink of its outline. */
  readonly hues: readonly string[];
  readonly inks: readonly string[];
  readonly patternInk: string;
  /** Alpha of the hue behind the fill. */
  readonly tint: number;
  readonly looks: Readonly<Record<LookName, { readonly ink: string; readonly fill: string }>>;
}

const LIGHT: MapTheme = {
  name: 'light',
  background: '#f5f6f8',
  panel: '#ffffff',
  border: '#d8dce3',
  text: '#1b2230',
  muted: '#596273',
  track: '#e8ebf0',
  reserved: '#bcc6d6',
  used: '#45556f',
  accent: '#2158c9',
  danger: '#b3261e',
  dangerTint: '#fdf1f0',
  warning: '#8f5a00',
  ok: '#1d7a46',
  stripe: 'rgba(89, 98, 115, 0.13)',
  hues: ['#5b8def', '#2aa198', '#9b7bdb', '#d0679d', '#8a9a2f', '#3fa7d6', '#b08556', '#7886a6'],
  inks: ['#2b5cc0', '#136e68', '#6745ae', '#9c3b70', '#5d6a14', '#1b749e', '#7c5629', '#4c5a7c'],
  patternInk: 'rgba(255, 255, 255, 0.5)',
  tint: 0.2,
  looks: {
    running: { ink: '#1d7a46', fill: '#ffffff' },
    pending: { ink: '#8f5a00', fill: '#fff8e8' },
    preparing: { ink: '#2158c9', fill: '#eff4fe' },
    starting: { ink: '#2158c9', fill: '#eff4fe' },
    unhealthy: { ink: '#a34400', fill: '#fff0e5' },
    backoff: { ink: '#8f5a00', fill: '#fff8e8' },
    failed: { ink: '#b3261e', fill: '#fdeceb' },
    oom: { ink: '#ffffff', fill: '#b3261e' },
    rejected: { ink: '#b3261e', fill: '#fdeceb' },
    stopping: { ink: '#596273', fill: '#f0f2f5' },
    stopped: { ink: '#7b8494', fill: '#f5f6f8' },
    unknown: { ink: '#7b8494', fill: '#f0f2f5' },
  },
};

const DARK: MapTheme = {
  name: 'dark',
  background: '#0e1217',
  panel: '#161b22',
  border: '#2b333e',
  text: '#e7eaf0',
  muted: '#9aa5b5',
  track: '#252c36',
  reserved: '#414d5e',
  used: '#a9bad3',
  accent: '#7aa5ff',
  danger: '#ff7b72',
  dangerTint: '#241719',
  warning: '#e3b341',
  ok: '#56c288',
  stripe: 'rgba(154, 165, 181, 0.14)',
  hues: ['#4f82e3', '#239389', '#8f6fd1', '#c25b90', '#84932f', '#3798c4', '#a67c4e', '#7080a2'],
  inks: ['#86aef7', '#5cc4ba', '#bca2f0', '#e792bd', '#b9c767', '#74c5ea', '#d6b088', '#a6b3cf'],
  patternInk: 'rgba(14, 18, 23, 0.42)',
  tint: 0.22,
  looks: {
    running: { ink: '#56c288', fill: '#161b22' },
    pending: { ink: '#e3b341', fill: '#29230f' },
    preparing: { ink: '#7aa5ff', fill: '#16213a' },
    starting: { ink: '#7aa5ff', fill: '#16213a' },
    unhealthy: { ink: '#ffa657', fill: '#2e1f10' },
    backoff: { ink: '#e3b341', fill: '#29230f' },
    failed: { ink: '#ff7b72', fill: '#331a1a' },
    oom: { ink: '#1b0f0f', fill: '#ff7b72' },
    rejected: { ink: '#ff7b72', fill: '#331a1a' },
    stopping: { ink: '#9aa5b5', fill: '#1f262f' },
    stopped: { ink: '#7d8899', fill: '#1a2028' },
    unknown: { ink: '#7d8899', fill: '#1f262f' },
  },
};

export const MAP_THEMES: Readonly<Record<'light' | 'dark', MapTheme>> = { light: LIGHT, dark: DARK };

/** Glyphs as paths in a box of 16, used by canvas and by SVG alike. */
export const GLYPHS: Readonly<Record<LookName, { readonly path: string; readonly stroke: boolean }>> = {
  running: { path: 'M3.5 8.5 6.8 11.8 12.5 4.6', stroke: true },
  pending: { path: 'M8 3.4a4.6 4.6 0 1 1 0 9.2a4.6 4.6 0 1 1 0-9.2z', stroke: true },
  preparing: { path: 'M8 2.8v8M4.6 7.8 8 11.2l3.4-3.4M4 13.4h8', stroke: true },
  starting: { path: 'M8 3a5 5 0 1 1-5 5a5 5 0 0 1 5-5zM8 8V3M8 8h5', stroke: true },
  unhealthy: { path: 'M7 2.6h2l-.35 7h-1.3zM8 11.2a1.15 1.15 0 1 1 0 2.3a1.15 1.15 0 1 1 0-2.3z', stroke: false },
  backoff: { path: 'M12.6 8.6A4.7 4.7 0 1 1 11 4.5M11.4 1.9v3h-3', stroke: true },
  failed: { path: 'M4 4l8 8M12 4l-8 8', stroke: true },
  oom: { path: 'M4 4l8 8M12 4l-8 8', stroke: true },
  rejected: { path: 'M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM4.6 4.6l6.8 6.8', stroke: true },
  stopping: { path: 'M3.4 4.8h9.2L8 12.4z', stroke: true },
  stopped: { path: 'M4.8 4.8h6.4v6.4H4.8z', stroke: false },
  unknown: { path: 'M5.6 6.2a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2.9-1.2 1.7M8 12.6v.4', stroke: true },
};
