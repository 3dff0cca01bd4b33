export * from './store/records.ts';
export * from './store/view.ts';
export * from './live/run.ts';
