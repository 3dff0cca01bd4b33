// docs/openapi.json, docs/api.md and docs/cli.md: the API as its route table says, the command as its command table says.

import { cliDocument } from '@paperfleet/lab';
import { apiDocument, openApiDocument } from '@paperfleet/scheduler';

export function interfaceDocuments(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/openapi.json', `${JSON.stringify(openApiDocument(), null, 2)}\n`],
    ['docs/api.md', apiDocument()],
    ['docs/cli.md', cliDocument()],
  ]);
}
