/** All endpoints, in the order of the documentation. */
import { CONTROL_ROUTES } from './control.ts';
import { HISTORY_ROUTES } from './history.ts';
import type { Route } from './route.ts';
import { STATE_ROUTES } from './state.ts';

export const ROUTES: readonly Route[] = [...CONTROL_ROUTES, ...STATE_ROUTES, ...HISTORY_ROUTES];
