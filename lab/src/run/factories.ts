/** What simulates what: the one place where the control plane and the node agent meet in a process. */
import type { Factories } from '@paperfleet/core';
import { createNodeAgent } from '@paperfleet/node-agent';
import { createManager } from '@paperfleet/scheduler';

export const FACTORIES: Factories = { manager: createManager, node: createNodeAgent };
