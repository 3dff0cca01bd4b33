/** `window.__pf`: what browser tests and the curious read. Coordinates are CSS pixels of the viewport. */
import type { MapRenderer, MapStats } from '../core/index.ts';
import { LOOK_NAMES } from '../core/index.ts';
import type { App } from './app.ts';

export interface CellInfo {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How it is shown, see the legend; empty for a node's tile. */
  readonly look: string;
  readonly node: string;
}
export interface PageHooks {
  /** Box and look of a task (by id or name) or of a node's tile (by name); undefined when it is not on the map. */
  cell(id: string): CellInfo | undefined;
  stats(): (MapStats & { readonly tasks: number; readonly events: number }) | undefined;
  /** Simulated microseconds. */
  simTime(): number;
  seq(): number;
}
declare global {
  interface Window {
    __pf?: PageHooks;
  }
}

let map: { readonly renderer: MapRenderer; readonly canvas: HTMLCanvasElement } | undefined;

/** The map that is mounted now, if any. */
export function setMap(renderer: MapRenderer | undefined, canvas: HTMLCanvasElement | undefined): void {
  map = renderer === undefined || canvas === undefined ? undefined : { renderer, canvas };
}

export function installHooks(app: App): void {
  const { store } = app;
  window.__pf = {
    cell(id) {
      if (map === undefined) return undefined;
      const index =
        store.tasks.indexOfId(id) >= 0 ? store.tasks.indexOfId(id) : (store.taskIndexes((i) => store.taskNameAt(i) === id).at(-1) ?? -1);
      const box = map.renderer.boxOf(index >= 0 ? { task: store.tasks.id[index]! } : { node: id });
      if (box === undefined) return undefined;
      const origin = map.canvas.getBoundingClientRect();
      const node = index >= 0 ? (store.nodes.get(store.tasks.node[index]!)?.name ?? '') : id;
      return {
        x: origin.left + box.x,
        y: origin.top + box.y,
        width: box.width,
        height: box.height,
        look: index >= 0 ? LOOK_NAMES[store.lookAt(index)]! : '',
        node,
      };
    },
    stats: () => (map === undefined ? undefined : { ...map.renderer.stats(), tasks: store.tasks.size, events: store.events.length }),
    simTime: () => store.playback.simUs,
    seq: () => store.seq,
  };
}
