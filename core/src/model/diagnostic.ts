/** Something wrong, or questionable, at a place of a file; errors and warnings stand in lists of their own. */
export interface Diagnostic {
  readonly message: string;
  readonly code?: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  /** Place in the document: `services.web.deploy.replicas`. */
  readonly path?: string;
  readonly hint?: string;
}
