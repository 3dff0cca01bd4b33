export * from './store/records.ts';
export * from './store/view.ts';
export * from './live/run.ts';
export * from './api/api.ts';
export * from './api/options.ts';
export * from './placement/index.ts';
