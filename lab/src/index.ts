/** What other workspaces may use of lab: loading of Compose files and scenarios, runs in virtual time, the live cluster. */
export { formatDiagnostic, type Diagnostic } from './compose/diagnostic.ts';
export { loadCompose, type ComposeFile, type ComposeResult, type LoadComposeOptions } from './compose/load.ts';
export { readStack, type ReadStackOptions } from './compose/read-stack.ts';
export { checkExpectations, type ExpectationResult, type FinalState } from './scenario/expect.ts';
export { loadScenario, type LoadScenarioOptions, type ScenarioResult } from './scenario/load.ts';
export { readScenario, type ReadScenarioOptions } from './scenario/read-scenario.ts';
export * from './scenario/scenario.ts';
export { scenarioJsonSchema } from './scenario/schema.ts';
export { cliDocument } from './cli/document.ts';
export { buildId } from './run/build-id.ts';
export { FACTORIES } from './run/factories.ts';
export { spawnSelf } from './run/program.ts';
export { scenarioHeader, scenarioInputs } from './run/scenario-inputs.ts';
export { runVirtual, type VirtualRunOptions, type VirtualRunResult } from './run/virtual-run.ts';
export { startCluster, type Cluster, type ClusterOptions } from './up/cluster.ts';
export { makeOffers, type OfferOptions } from './up/offers.ts';
