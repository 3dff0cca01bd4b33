// docs/scenario.schema.json: the form of a scenario file, for editors and other programs.

import { scenarioJsonSchema } from '@paperfleet/lab';

/** The JSON Schema of scenario files. */
export function scenarioSchemaDocument(): ReadonlyMap<string, string> {
  return new Map([['docs/scenario.schema.json', `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`]]);
}
