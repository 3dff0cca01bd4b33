/** What other workspaces may use of lab: loading of Compose files and scenarios. */
export { formatDiagnostic, type Diagnostic } from './compose/diagnostic.ts';
export { loadCompose, type ComposeFile, type ComposeResult, type LoadComposeOptions } from './compose/load.ts';
export { readStack, type ReadStackOptions } from './compose/read-stack.ts';
export { checkExpectations, type ExpectationResult, type FinalState } from './scenario/expect.ts';
export { loadScenario, type LoadScenarioOptions, type ScenarioResult } from './scenario/load.ts';
export { readScenario, type ReadScenarioOptions } from './scenario/read-scenario.ts';
export * from './scenario/scenario.ts';
export { scenarioJsonSchema } from './scenario/schema.ts';
export { cliDocument } from './cli/document.ts';
