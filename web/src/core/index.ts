/** The dashboard without its looks: feed, store, map, charts and words. Imports no UI library. */
export * from './format.ts';
export * from './search.ts';
export * from './explain/sentences.ts';
export * from './live/api.ts';
export * from './live/connection.machine.ts';
export * from './live/http-api.ts';
export * from './store/cluster-store.ts';
export * from './store/look.ts';
export * from './store/ring.ts';
export * from './store/task-table.ts';
export * from './map/appearance.ts';
export * from './map/layout.ts';
export * from './map/map-renderer.ts';
export * from './map/slot-book.ts';
export * from './charts/chart-scheduler.ts';
export * from './charts/chart-spec.ts';
export * from './charts/metric-window.ts';
