export { createNodeAgent, viewNode, type NodeAgentView } from './agent/node-agent.ts';
export * from './cgroup/index.ts';
export * from './workload/workload-model.ts';
export { resolveWorkload, type ResolvedWorkload } from './workload/resolve.ts';
export { imageFacts, type ImageFacts, type Layer } from './workload/images.ts';
export { CATALOGUE, type CatalogueEntry } from './workload/catalogue.ts';
export { nextAction, transitionOf, type ActionResult, type TaskAction, type Transition } from './agent/task-step.ts';
export * from './host/agent-host.ts';
