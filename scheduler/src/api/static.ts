/** The dashboard's files, and what a browser sees that has no token yet. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import { ApiFailure } from './failure.ts';
import type { Gate } from './security.ts';

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const TOKEN_PAGE: string = page(
  'Paperfleet: token required',
  '<form method="get" action="/"><label>Token <input name="token" type="password" autocomplete="off" required autofocus></label> <button>Open</button></form>',
);

const NOT_BUILT_PAGE: string = page(
  'Paperfleet',
  '<p>The dashboard has not been built. Run <code>npm run build</code> and start again. The API is at <a href="/api/openapi.json">/api/openapi.json</a>.</p>',
);

/** `/?token=…` in a browser: the token moves into a cookie and out of the address bar, the history and referrers. */
function takeToken(gate: Gate, request: Request, response: Response): boolean {
  const { token, ...rest } = request.query;
  if (typeof token !== 'string') return false;
  try {
    gate.role(request, token);
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return false;
  }
  response.cookie(gate.cookieName, token, { httpOnly: true, sameSite: 'strict', path: '/' });
  const query = new URLSearchParams(
    Object.entries(rest).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  ).toString();
  // Never a path that starts with two slashes: that would be another host.
  const target = `/${request.path.replace(/^[/\\]+/, '')}`;
  response.redirect(303, query === '' ? target : `${target}?${query}`);
  return true;
}

/** Serves `webRoot`; every path without a file is the page's own, which routes by itself. */
export function serveDashboard(app: Express, gate: Gate, webRoot: string | undefined): void {
  const index = webRoot === undefined ? undefined : path.join(webRoot, 'index.html');
  app.use((request: Request, response: Response, next: NextFunction) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new ApiFailure('PF_METHOD', 'only GET and HEAD here');
    if (takeToken(gate, request, response)) return;
    try {
      gate.role(request, undefined);
      next();
    } catch (error) {
      if (!(error instanceof ApiFailure) || request.accepts('html') === false) throw error;
      response.status(error.status).set('Cache-Control', 'no-store').type('html').send(TOKEN_PAGE);
    }
  });
  if (webRoot !== undefined) {
    app.use('/assets', express.static(path.join(webRoot, 'assets'), { immutable: true, maxAge: '1y', index: false, redirect: false }));
    app.use(
      express.static(webRoot, { index: false, redirect: false, setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache') }),
    );
  }
  app.use((request: Request, response: Response) => {
    if (path.extname(request.path) !== '' || request.accepts('html') === false) throw new ApiFailure('PF_NOT_FOUND', 'no such file');
    response.set('Cache-Control', 'no-cache');
    if (index !== undefined && existsSync(index)) response.sendFile(index);
    else response.type('html').send(NOT_BUILT_PAGE);
  });
}
